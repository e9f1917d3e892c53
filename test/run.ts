/**
 * The test command: `npm test [pattern…]`, a pattern being a part of a test file's path.
 *
 * Builds what the tests of the command line run, installs the Python packages and the TensorFlow that some of them need, starts one Kafka for all files that need no broker of their own
 * (`KAFKA_BROKERS`, else Docker, else a local one), runs each file in a process of its own, and says at the end what was
 * skipped and why. With `HIERAX_REQUIRE_ALL=1` a skipped test is a failure. Nothing is left running.
 */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { findKafka, missingForLocal, type RunningKafka } from './support/brokers.ts'
import { build } from './support/build.ts'
import { prepare } from './support/prepare.ts'
import { endProcesses, watchHung } from './support/processes.ts'
import { requireAll, root } from './support/shared.ts'

/** A file that takes longer hangs, even on a slow machine; the long forms of some tests take longer. */
const fileLimitMs = Number(process.env.TEST_FILE_MINUTES ?? 30) * 60_000

interface Tally {
  failed: number
  readonly skipped: { readonly name: string; readonly reason: string }[]
}

function testFiles(patterns: readonly string[]): string[] {
  const found = ['test', 'training/test', 'tools/test', 'web/test'].flatMap(folder =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.test.ts'))
      .map(name => path.join(folder, name))
      .sort()
  )
  const wanted = patterns.map(pattern => path.normalize(pattern))
  return mixed(wanted.length === 0 ? found : found.filter(file => wanted.some(pattern => file.includes(pattern))))
}

/** In turn files that mostly wait for brokers and time limits, and files that mostly compute; of each kind, first the folder with the longest. */
function mixed(files: readonly string[]): string[] {
  const acceptance = files.filter(file => file.includes('acceptance'))
  const brokers = files.filter(file => /kafka|stores/.test(file) && !acceptance.includes(file))
  const waiting = [...acceptance, ...brokers.reverse()]
  const computing = files.filter(file => !waiting.includes(file)).reverse()
  const place = new Map([waiting, computing].flatMap(kind => kind.map((file, at) => [file, at / kind.length] as const)))
  return files.toSorted((a, b) => (place.get(a) as number) - (place.get(b) as number))
}

/** Starts the shared Kafka when a file speaks of one, and tells the files where it is or why there is none. */
async function shareKafka(files: readonly string[]): Promise<RunningKafka | null> {
  if (!files.some(file => /kafka/i.test(fs.readFileSync(path.join(root, file), 'utf8')))) return null
  const found = await findKafka()
  if (typeof found === 'string') {
    process.env.KAFKA_LOCAL_MISSING = (await missingForLocal()) ?? ''
    console.log(`Kafka: none; a test that reads or writes one ${found}\n`)
    return null
  }
  process.env.KAFKA_BROKERS = found.brokers.join(',')
  console.log(`Kafka: ${found.from}\n`)
  return found
}

/** Runs the files and prints as node's own runner does; resolves when all are done or the signal is aborted. */
async function runFiles(files: string[], signal: AbortSignal): Promise<Tally> {
  const tally: Tally = { failed: 0, skipped: [] }
  // More than there are cores: a file waits for most of its time, for a broker, a process or a time limit.
  const concurrency = Math.min(8, 3 * os.availableParallelism())
  const events = run({ files: files.map(file => path.join(root, file)), concurrency, timeout: fileLimitMs, signal })
  events.on('test:fail', event => {
    if (event.todo === undefined || event.todo === false) tally.failed++
  })
  events.on('test:pass', ({ name, skip }) => {
    if (skip !== undefined && skip !== false) tally.skipped.push({ name, reason: skip === true ? '' : String(skip) })
  })
  for await (const text of events.compose(new spec())) process.stdout.write(text as string)
  return tally
}

function reportSkipped({ skipped }: Tally): void {
  if (skipped.length === 0) return
  console.log(`\nSkipped (${skipped.length}):`)
  const byReason = new Map<string, string[]>()
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name])
  for (const [reason, tests] of byReason) {
    console.log(`  ${reason || 'no reason given'}`)
    for (const name of tests) console.log(`    - ${name}`)
  }
}

async function main(): Promise<number> {
  process.chdir(root)
  const stop = new AbortController()
  setMaxListeners(0, stop.signal) // the runner listens once for every file
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const files = testFiles(process.argv.slice(2))
  if (files.length === 0) {
    console.error('No test file has such a path.')
    return 1
  }
  // A build that fails still leaves what can run: the tests say more than its errors alone.
  const built = build()
  prepare(files)
  const kafka = await shareKafka(files)
  // What the files start, and what that starts, carries this name: so it can be found and ended.
  const runId = randomUUID()
  process.env.TEST_RUN = runId
  const watch = watchHung(runId, fileLimitMs + 10_000)
  try {
    const tally = await runFiles(files, stop.signal)
    reportSkipped(tally)
    if (requireAll && tally.skipped.length > 0) console.log('\nHIERAX_REQUIRE_ALL=1: a skipped test is a failure.')
    const skippedCounts = requireAll && tally.skipped.length > 0
    return stop.signal.aborted || !built || tally.failed > 0 || skippedCounts ? 1 : 0
  } finally {
    clearInterval(watch)
    await endProcesses(runId)
    await kafka?.stop()
  }
}

process.exit(await main())
