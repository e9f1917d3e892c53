/**
 * `npm run bench`: throughput and latency of the service from Kafka to Kafka, with real packets where available. See
 * docs/performance.md. Prints JSON; exits with 1 unless the outcomes are exactly the expected ones.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { HieraxError } from 'hierax/errors.ts'
import { AlertStream } from './load/alert-stream.ts'
import { basePackets, simulatedPackets } from './load/base-packets.ts'
import { preload } from './load/preload.ts'
import { buildOf, commitOf, isChanged } from './paired/other-build.ts'
import { paired, ratiosOf } from './paired/paired.ts'
import { type Cluster, startCluster } from './service/cluster.ts'
import { type Check, cold, type Load, warm } from './service/phases.ts'
import { pythonConsumer } from './service/python.ts'
import { receiving } from './service/receive.ts'
import { measured, say } from './setup.ts'
import { inputFrom, messageSizes } from './sizes/message-sizes.ts'

const partitions = 4
/** Alerts of known objects: the first ones only warm up the process. */
const epochs = 5

const { values } = parseArgs({
  options: {
    alerts: { type: 'string' },
    short: { type: 'boolean', default: false },
    workers: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    python: { type: 'boolean', default: true },
    output: { type: 'string' },
    profile: { type: 'string' },
    sizes: { type: 'boolean', default: false },
    'per-batch': { type: 'string', default: '100' },
    against: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    cold: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
    rate: { type: 'string', default: '1333' },
    help: { type: 'boolean', default: false }
  },
  allowNegative: true
})

const help = `Usage: npm run --silent bench -- [options]

  --alerts N       number of alerts of known objects (20000; with --short 400)
  --short          a small run that only checks the counts
  --workers N      also measure N processes of one group on one store (1)
  --rate N         alerts per second of the run at a fixed rate (1333, the survey's observed peak of 80,000 a minute)
  --seconds N      length of that run (15; with --short 1; 0: none)
  --no-python      omit the Python consumer
  --output FILE    also write the JSON to a file
  --profile DIR    write a CPU profile of each service process there

  --sizes          only print the sizes of output messages by topic, encoding and compression; needs no broker.
                   --alerts: simulated alerts (1000; with --short 100)
  --per-batch N    with --sizes: messages in a record batch (100)

  --against COMMIT compares this checkout with another commit of its history, by turns, and prints each round and the ratios.
                   --alerts (4000; with --short 200), --rate and --seconds as above
  --rounds N       with --against: number of rounds (3)
  --cold           with --against: every object is new
  --set NAME=VALUE with --against: a setting of both services, as an environment variable; any number of times`

const machine = { cpus: os.availableParallelism(), model: os.cpus()[0]?.model ?? '', node: process.version }

const rate = Number(values.rate)

/** The rate counts only if a run at that rate is wanted. */
const secondsOf = (standard: number): number => Number(values.seconds ?? (values.short ? 1 : standard))

async function bench(cluster: Cluster, folder: string): Promise<number> {
  const alerts = Number(values.alerts ?? (values.short ? 400 : 20_000))
  const seconds = secondsOf(15)
  const workers = Number(values.workers)
  const base = await basePackets()
  const stream = new AlertStream(base, Math.max(1, Math.round(alerts / epochs)))
  const pacedEpochs = Math.round((seconds * rate) / stream.objects)
  const load = (name: string, from: number, to: number): Load => {
    const topic = cluster.tools.name(`bench-${name}`)
    return { stream, topic, from, to }
  }
  const first = load('cold', 0, 1)
  const known = { ...load('warm', 1, 2 + epochs), measuredFrom: 2 }
  const paced = load('paced', known.to, known.to + pacedEpochs)
  say(`${cluster.from}; ${base.from}; ${stream.objects} objects; preloading …`)
  for (const { topic } of [first, known]) await cluster.tools.topic(topic, { partitions })
  const stamped = { partitions, config: { 'message.timestamp.type': 'LogAppendTime' } }
  await cluster.tools.topic(paced.topic, stamped)
  await preload(cluster.tools, first.topic, partitions, stream.packets(first.from, first.to))
  const loaded = await preload(cluster.tools, known.topic, partitions, stream.packets(known.from, known.to))

  const store = path.join(folder, 'store')
  say('cold objects …')
  const unknown = await cold(cluster, first, { name: 'cold', store })
  say('known objects …')
  const one = await warm(cluster, known, {
    store,
    count: 1,
    name: 'one',
    ...(values.profile ? { profile: path.resolve(values.profile) } : {}),
    ...(pacedEpochs > 0 ? { paced: { ...paced, rate } } : {})
  })
  if (workers > 1) say(`${workers} processes …`)
  const several = workers > 1 ? await warm(cluster, known, { store, count: workers, name: 'several' }) : null
  say('receiving alone …')
  const received = await receiving(cluster.brokers, known.topic, loaded.packets)
  say('Python …')
  const sample = Math.min(alerts, 5000)
  const python = values.python ? await pythonConsumer(cluster.brokers, known.topic, sample) : { skipped: '--no-python' }

  const checks: Check[] = [...unknown.checks, ...one.checks, ...(several?.checks ?? [])]
  const report = {
    machine,
    load: {
      from: base.from,
      broker: cluster.from,
      objects: stream.objects,
      alerts: loaded.packets,
      partitions,
      bytesPerPacket: rounded(loaded.bytes / loaded.packets, 0)
    },
    outcomes: { ok: checks.every(({ ok }) => ok), checks },
    warm: one.figures,
    cold: unknown.figures,
    paced: one.pace?.figures ?? null,
    several: several && {
      ...several.figures,
      timesOne: rounded(several.figures.alertsPerSecond / one.figures.alertsPerSecond, 2)
    },
    receiving: received,
    python
  }
  print(report)
  for (const { phase, problems } of checks) for (const problem of problems) say(`WRONG (${phase}): ${problem}`)
  return report.outcomes.ok ? 0 : 1
}

async function sizes(): Promise<number> {
  const alerts = Number(values.alerts ?? (values.short ? 100 : 1000))
  const messagesPerBatch = Number(values['per-batch'])
  const base = await simulatedPackets(values.short ? { objects: 4 } : {})
  const load = { from: base.from, alerts, messagesPerBatch }
  print({ machine, load, sizes: await messageSizes(inputFrom(base, alerts), messagesPerBatch) })
  return 0
}

/** Compares the service of this checkout with that of another commit. */
async function against(name: string): Promise<number> {
  const [own, other] = [commitOf('HEAD'), commitOf(name)]
  const settings = settingsOf(values.set)
  const build = buildOf(other)
  const alerts = Number(values.alerts ?? (values.short ? 200 : 4000))
  const rounds = Number(values.rounds)
  return measured('bench', startCluster, async (cluster, folder) => {
    const base = await basePackets()
    const stream = new AlertStream(base, Math.max(1, Math.round(alerts / epochs)))
    const services = { this: { settings }, other: { build, settings } }
    const pace = { rate, seconds: secondsOf(5) }
    const options = { stream, epochs: 2 + epochs, partitions, rounds, cold: values.cold, ...pace, services }
    const measuredRounds = await paired(cluster, folder, options)
    print({
      machine,
      load: {
        from: base.from,
        broker: cluster.from,
        objects: `${stream.objects}, ${values.cold ? 'each of them new' : 'each of them seen before'}`,
        partitions,
        ...pace
      },
      this: { ...own, changed: isChanged() },
      other: { ...other, unknownSettings: Object.keys(settings).filter(setting => !build.settings.has(setting)) },
      settings,
      rounds: measuredRounds,
      ratios: ratiosOf(measuredRounds)
    })
    return 0
  })
}

/** NAME=VALUE as settings. Throws USAGE. */
function settingsOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map(text => {
      const [, name, value] = /^(HIERAX_[A-Z_]+)=(.*)$/.exec(text) ?? []
      if (name === undefined || value === undefined)
        throw new HieraxError('USAGE', `--set ${text}: write HIERAX_NAME=VALUE`)
      return [name, value]
    })
  )
}

function print(report: object): void {
  const json = `${JSON.stringify(report, null, 2)}\n`
  process.stdout.write(json)
  if (values.output) fs.writeFileSync(values.output, json)
}

if (values.help) process.stdout.write(`${help}\n`)
else {
  try {
    if (values.sizes) process.exitCode = await sizes()
    else if (values.against !== undefined) process.exitCode = await against(values.against)
    else process.exitCode = await measured('bench', startCluster, bench)
  } catch (error) {
    say(error instanceof HieraxError ? `${error.code}: ${error.message}` : String((error as Error).stack ?? error))
    process.exitCode = 1
  }
}
process.exit()
