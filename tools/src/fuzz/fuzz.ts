/**
 * `npm run fuzz`: sends hostile packets among real alerts through the whole service. Every packet must have exactly one outcome, and
 * messages about real alerts must have the same bytes as without hostile packets. Memory and event loop are monitored. See
 * docs/reliability.md. Exits with 1 if a check fails.
 */
import { parseArgs } from 'node:util'
import { build } from '../../../test/support/build.ts'
import { type FuzzResult, runFuzz } from './run/fuzz-run.ts'

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

  --seed N            seed; the same seed gives the same packets (1)
  --packets N         number of hostile packets (100000); one packet in ten is a real alert
  --seconds N         time limit
  --recipe NAME       only packets of one recipe
  --max-block MS      fail if the event loop is blocked by more work (200; 0: only report)
  --max-megabytes N   fail if the process uses more memory (1024; 0: only report)
  --outcomes          print the outcomes of every recipe`

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  if (values.help) {
    say(help)
    return 0
  }
  // The service needs the built page.
  if (!build()) return 1
  const options = {
    seed: Number(values.seed),
    packets: Number(values.packets),
    ...(values.recipe === undefined ? {} : { recipe: values.recipe })
  }
  const hostile = await runFuzz({
    ...options,
    clean: false,
    ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
    progress: (packets, { peakMegabytes, longestWork }) =>
      say(`… ${packets} packets, at most ${Math.round(peakMegabytes)} MB and ${Math.round(longestWork)} ms`)
  })
  printSummary(hostile)
  const clean = await runFuzz({ ...options, clean: true, batches: hostile.batches })
  const problems = [...problemsOf(hostile), ...differences(hostile, clean)]
  say(
    `real alerts    ${hostile.real} with ${hostile.digests.length} messages; ${clean.digests.length} in a run without hostile packets`
  )
  for (const problem of problems) say(`WRONG: ${problem}`)
  say(problems.length === 0 ? 'no problems' : `${problems.length} problems`)
  return problems.length === 0 ? 0 : 1
}

function printSummary({ hostile, real, seconds, maxima, ledger, logBytes, longestLine }: FuzzResult): void {
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
    `event loop     blocked for at most ${Math.round(maxima.longestWork)} ms of work (${Math.round(maxima.longestBlock)} ms of wall time)`
  )
  if (maxima.longestWork > 100) say(`               during: ${maxima.during}`)
  say(`memory         at most ${Math.round(maxima.peakMegabytes)} MB`)
  say(`log            ${logBytes} bytes, longest line ${longestLine}`)
}

function problemsOf({ maxima, ledger, longestLine }: FuzzResult): string[] {
  const problems = [...ledger.problems].map(([problem, count]) => `${problem} (${count} times)`)
  const [block, megabytes] = [Number(values['max-block']), Number(values['max-megabytes'])]
  if (block > 0 && maxima.longestWork > block)
    problems.push(`the event loop was blocked for ${Math.round(maxima.longestWork)} ms`)
  if (megabytes > 0 && maxima.peakMegabytes > megabytes)
    problems.push(`memory grew to ${Math.round(maxima.peakMegabytes)} MB`)
  if (longestLine > 4096) problems.push(`a log line has ${longestLine} characters`)
  return problems
}

/** Differences between the messages about real alerts. */
function differences(hostile: FuzzResult, clean: FuzzResult): string[] {
  if (hostile.digests.length === 0) return ['no message about a real alert']
  if (hostile.real !== clean.real) return [`${hostile.real} real alerts, but ${clean.real} without hostile packets`]
  const at = hostile.digests.findIndex((digest, index) => digest !== clean.digests[index])
  if (at < 0 && hostile.digests.length === clean.digests.length) return []
  return [`message ${at} is ${hostile.digests[at]}, but ${clean.digests[at]} without hostile packets`]
}

process.exit(await main())
