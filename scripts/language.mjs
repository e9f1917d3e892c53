/**
 * `npm run language`: fails where code, comments or pages use words that readers stumble over: names that no reader of this
 * field knows, and phrases that read as translated. The table says what to write instead.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'

/** @type {readonly (readonly [RegExp, string])[]} */
const banned = [
  [/\bmade anew\b|\bbegins? anew\b|\btrain(ed)? (it )?anew\b/i, 'recreated, starts again'],
  [/\bgone? on with by\b|\bgoes on by itself\b|\bgo on with\b/i, 'resumes'],
  [/\bbroken off\b/i, 'interrupted'],
  [/\bfor ever\b/i, 'forever'],
  [/\bin work\b/i, 'in flight'],
  [/\bcomes? again\b/i, 'is redelivered, retried'],
  [/\bwhat (is said|stands) of\b/i, 'its output messages; its current classification'],
  [/\bsays? of it\b|\btold by\b|\bis told\b|\bare told\b/i, 'is reported'],
  [/\bnothing rests on\b/i, 'is not used'],
  [/\bforgiven\b|\bare no row\b/i, 'reset; not consecutive'],
  [/\blying (length|number|count)\b/i, 'bogus length'],
  [/\bmended\b/i, 'fixed'],
  [/\bwants? (the|its|no|a|to be|--)\b/i, 'requires'],
  [/\bhas a word\b|\ba word where\b/i, 'a message'],
  [/\bthe way of (an?|the) /i, 'how … is processed'],
  [/\bby no more than\b.*\bat one go\b|\bat one go\b/i, 'at once'],
  [/\bat hand\b/i, 'available'],
  [/\bin vain\b/i, 'without success'],
  [/\bin good order\b/i, 'gracefully'],
  [/\bthe one or other\b/i, 'some'],
  [/\blies? about (its|the|their)\b/i, 'has a bogus …'],
  [/\b(can|can't|cannot|can not) be had\b/i, 'is available'],
  [/\bdear to\b/i, 'expensive to'],
  [/\ball is well\b/i, 'no problems'],
  [
    /\b(Passage|Suspicion|Tenure|Turnstile|PartitionSurvey|EventWish|SureWatch|saidAgain|breathe|Pantry|inWork|ofDense\w*)\b/,
    'see CONTRIBUTING: names'
  ]
]

const skipped =
  /^(models\/|examples\/.*jsonl|package-lock\.json|docs\/licences\.md|schemas\/history\/|scripts\/language\.mjs|.*\.(png|avro|bin|woff2|gz|svg))/
const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n')
let found = 0
for (const file of files) {
  if (file === '' || skipped.test(file) || !fs.existsSync(file)) continue
  for (const [index, line] of fs.readFileSync(file, 'utf8').split('\n').entries()) {
    for (const [pattern, instead] of banned) {
      const match = pattern.exec(line)
      if (!match) continue
      found++
      console.log(`${file}:${index + 1}: "${match[0]}": write: ${instead}`)
    }
  }
}
process.exitCode = found > 0 ? 1 : 0
