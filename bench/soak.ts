/**
 * `npm run soak -- --minutes 30 --rate 1000`: runs the service under a steady load and prints a JSON line every ten seconds: memory,
 * tensors, handles, delays of the event loop, lag; at the end a verdict on whether they stay flat. Exits with 1 when not.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startKafka } from '../ops/kafka-local/kafka-local.mjs'
import { build } from '../test/support/build.ts'
import { KafkaTools } from '../test/support/kafka-tools.ts'
import { ServiceProcess, total } from '../test/support/service.ts'
import { trends } from './soak/flatness.ts'
import { type Sample, Sampler } from './soak/sample.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '1000' },
    objects: { type: 'string', default: '20000' },
    every: { type: 'string', default: '10' },
    help: { type: 'boolean', default: false }
  }
})

const help = `Usage: npm run --silent soak -- [options]

  --minutes N   how long (5); the first fifth, at least one minute, is warm-up
  --rate R      alerts a second (1000)
  --objects N   how many objects they are of (20000)
  --every S     seconds between two samples (10)`

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

/** Old messages go, so that a long run needs no large disk. */
const sparing = {
  'retention.bytes': '67108864',
  'segment.bytes': '16777216',
  'message.timestamp.type': 'LogAppendTime'
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return 0
  }
  const log = console.log
  console.log = say // standard output is for the JSON alone
  const built = build()
  console.log = log
  if (!built) return 1
  const minutes = Number(values.minutes)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-soak-'))
  const cluster = await startKafka({ properties: { 'log.retention.check.interval.ms': 5000 } })
  const tools = new KafkaTools(cluster.brokers)
  try {
    const topics = ['soak', 'soak.out', 'soak.dead']
    for (const topic of topics) await tools.topic(topic, { partitions: 4, config: sparing })
    const service = await ServiceProcess.start({
      HIERAX_INPUT_BROKERS: cluster.brokers.join(','),
      HIERAX_INPUT_TOPICS: 'soak',
      HIERAX_OUTPUT_CLASSIFICATIONS: 'soak.out',
      HIERAX_OUTPUT_DEAD_LETTERS: 'soak.dead',
      HIERAX_STORE_URL: `lmdb:${path.join(folder, 'store')}`
    })
    const script = fileURLToPath(new URL('./soak/offer.ts', import.meta.url))
    const args = ['--import', 'tsx', script, cluster.brokers.join(','), 'soak', values.rate, values.objects]
    const producer = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    let code: number | null = null
    let samples: Sample[] = []
    try {
      samples = await observe(service, producer, minutes)
    } finally {
      producer.kill()
      code = await service.end()
    }
    return verdict(samples, minutes) && code === 0 ? 0 : 1
  } finally {
    await tools.close()
    await cluster.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function observe(service: ServiceProcess, producer: ChildProcess, minutes: number): Promise<Sample[]> {
  await service.until(
    'the first alerts',
    async () => total(await service.metrics(), 'hierax_outcomes_total') > 0,
    600_000
  )
  const sampler = new Sampler(service)
  const samples: Sample[] = []
  for (const end = Date.now() + minutes * 60_000; Date.now() < end; ) {
    await sleep(1000 * Number(values.every))
    if (service.child.exitCode !== null) throw new Error(`The service ended:\n${service.log}`)
    if (producer.exitCode !== null) throw new Error('The producer ended')
    const sample = await sampler.take()
    samples.push(sample)
    print(sample)
  }
  return samples
}

/** Prints what came out; true where everything stayed flat and the service kept up. */
function verdict(samples: readonly Sample[], minutes: number): boolean {
  const warmUp = Math.max(1, minutes / 5)
  const found = trends(samples, warmUp)
  const after = samples.filter(sample => sample.minutes >= warmUp)
  const [first, last] = [after[0], after.at(-1)]
  const rate = first && last ? (last.alerts - first.alerts) / (last.minutes - first.minutes) / 60 : 0
  const longestLag = Math.max(...after.map(({ lag }) => lag))
  const wanted = Number(values.rate)
  const keptUp = rate > 0.95 * wanted && (last?.lag ?? Number.POSITIVE_INFINITY) < 10 * wanted
  const flat = found.every(trend => trend.flat)
  print({
    verdict: flat ? (keptUp ? 'flat' : 'flat, but the load was not reached') : 'grows',
    minutes,
    warmUp,
    rate: Math.round(rate),
    keptUp,
    longestLag,
    trends: found
  })
  return flat && keptUp
}

process.exit(await main())
