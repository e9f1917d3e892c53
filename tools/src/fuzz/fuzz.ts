/**
 * `npm run fuzz`: hostile packets among real alerts, through the whole service. Every packet must have its outcome, the real
 * alerts the same bytes as without the others; memory and the event loop are watched. See docs/reliability.md. Exits with 1 when
 * something is wrong.
 */
import { parseArgs } from 'node:util'
import { build } from '../../../test/support/build.ts'
import { type TrialResult, trial } from './run/trial.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    packets: { type: 'string', default: '100000' },
    seconds: { type: 'string' },
    recipe: { type: 'string' },
    'max-block': { type: 'string', default: '200' },
    'max-megabytes': { type: 'string', default: '1024' },
    outcomes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

const help = `Usage: npm run --silent fuzz -- [options]

  --seed N            the same seed makes the same packets (1)
  --packets N         hostile packets (100000); one of ten packets beside them is a real alert
  --seconds N         end after so long, whatever is left
  --recipe NAME       packets of one recipe only
  --max-block MS      fail when the main thread worked for so long without a turn of the event loop (200; 0: only tell)
  --max-megabytes N   fail when the process took more memory (1024; 0: only tell)
  --outcomes          print the outcomes of every recipe`

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  if (values.help) {
    say(help)
    return 0
  }
  // The service serves a page, which has to be there.
  if (!build()) return 1
  const options = {
    seed: Number(values.seed),
    packets: Number(values.packets),
    ...(values.recipe === undefined ? {} : { recipe: values.recipe })
  }
  const hostile = await trial({
    ...options,
    clean: false,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    progress: (packets, { peakMegabytes, longestWork }) =>
      say(`… ${packets} packets, at most ${Math.round(peakMegabytes)} MB and ${Math.round(longestWork)} ms`)
  })
  tell(hostile)
  const clean = await trial({ ...options, clean: true, batches: hostile.batches })
  const problems = [...judge(hostile), ...compare(hostile, clean)]
  say(
    `real alerts    ${hostile.real} with ${hostile.answers.length} answers, against ${clean.answers.length} in a run without the others`
  )
  for (const problem of problems) say(`WRONG: ${problem}`)
  say(problems.length === 0 ? 'all is well' : `${problems.length} problems`)
  return problems.length === 0 ? 0 : 1
}

function tell({ hostile, real, seconds, watched, ledger, logBytes, longestLine }: TrialResult): void {
  const codes = new Map<string, number>()
  for (const [recipe, counts] of ledger.outcomes) {
    if (recipe === 'a real alert') continue
    for (const [outcome, count] of counts) codes.set(outcome, (codes.get(outcome) ?? 0) + count)
    if (values.outcomes) say(`  ${recipe}: ${[...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`)
  }
  say(
    `packets        ${hostile} hostile (seed ${values.seed}, ${ledger.outcomes.size - 1} recipes) among ${real} real alerts in ${Math.round(seconds)} s`
  )
  say(
    `outcomes       ${[...codes]
      .sort((a, b) => b[1] - a[1])
      .map(([code, count]) => `${code} ${count}`)
      .join(', ')}`
  )
  say(
    `event loop     held for at most ${Math.round(watched.longestWork)} ms of work (${Math.round(watched.longestBlock)} ms of wall time)`
  )
  if (watched.longestWork > 100) say(`               during: ${watched.during}`)
  say(`memory         at most ${Math.round(watched.peakMegabytes)} MB`)
  say(`log            ${logBytes} bytes, the longest line ${longestLine}`)
}

function judge({ watched, ledger, longestLine }: TrialResult): string[] {
  const problems = [...ledger.problems].map(([problem, count]) => `${problem} (${count} times)`)
  const [block, megabytes] = [Number(values['max-block']), Number(values['max-megabytes'])]
  if (block > 0 && watched.longestWork > block)
    problems.push(`the event loop was held for ${Math.round(watched.longestWork)} ms`)
  if (megabytes > 0 && watched.peakMegabytes > megabytes)
    problems.push(`memory grew to ${Math.round(watched.peakMegabytes)} MB`)
  if (longestLine > 4096) problems.push(`a line of the log has ${longestLine} characters`)
  return problems
}

/** The real alerts' messages, one by one. */
function compare(hostile: TrialResult, clean: TrialResult): string[] {
  if (hostile.answers.length === 0) return ['no real alert was answered']
  if (hostile.real !== clean.real) return [`${hostile.real} real alerts against ${clean.real}`]
  const different = hostile.answers.findIndex((answer, index) => answer !== clean.answers[index])
  if (different < 0 && hostile.answers.length === clean.answers.length) return []
  return [
    `answer ${different} to a real alert is ${hostile.answers[different]}, without the others ${clean.answers[different]}`
  ]
}

process.exit(await main())
