/**
 * `npm run soak -- --minutes 30 --rate 1000`: runs the service under a steady load and prints a JSON line every ten seconds (memory,
 * tensors, handles, event-loop delay, lag), then whether they stayed flat. Exits with 1 if not. On SIGINT or SIGTERM it reports on
 * the time so far and cleans up.
 */
import type { ChildProcess } from 'node:child_process'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { KafkaTools } from '../../../test/support/kafka-tools.ts'
import { ServiceProcess, total } from '../../../test/support/service.ts'
import { startKafka } from '../../kafka-local/kafka-local.mjs'
import { spawnSource } from '../spawn-source.ts'
import { measured } from './setup.ts'
import { type Sample, Sampler } from './soak/sample.ts'
import { verdictOf } from './soak/verdict.ts'

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

  --minutes N   duration (5); the first fifth, at least one minute, is warm-up
  --rate R      alerts per second (1000)
  --objects N   number of objects (20000)
  --every S     seconds between two samples (10)`

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

/** Short retention, so that a long run does not fill the disk. */
const shortRetention = {
  'retention.bytes': '67108864',
  'segment.bytes': '16777216',
  'message.timestamp.type': 'LogAppendTime'
}

/** Packets per record batch. */
const perBatch = 10

/** Aborted by a signal; a second one ends the process at once. */
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())

async function startCluster() {
  const cluster = await startKafka({ properties: { 'log.retention.check.interval.ms': 5000 } })
  const tools = new KafkaTools(cluster.brokers)
  return { brokers: cluster.brokers, tools, stop: () => tools.close().then(cluster.stop) }
}

async function soak({ brokers, tools }: Awaited<ReturnType<typeof startCluster>>, folder: string): Promise<number> {
  for (const topic of ['soak', 'soak.out', 'soak.dead'])
    await tools.topic(topic, { partitions: 4, config: shortRetention })
  const service = await ServiceProcess.start({
    HIERAX_INPUT_BROKERS: brokers.join(','),
    HIERAX_INPUT_TOPICS: 'soak',
    HIERAX_OUTPUT_CLASSIFICATIONS: 'soak.out',
    HIERAX_OUTPUT_DEAD_LETTERS: 'soak.dead',
    HIERAX_STORE_URL: `lmdb:${path.join(folder, 'store')}`
  })
  const args = [brokers.join(','), 'soak', values.rate, perBatch, values.objects]
  const producer = spawnSource(new URL('./load/offer.ts', import.meta.url), args)
  const samples: Sample[] = []
  let code: number | null = null
  try {
    await observe(service, producer, samples)
  } catch (error) {
    // Ctrl-C also signals the service and the producer.
    if (!ending.signal.aborted) throw error
  } finally {
    producer.kill()
    code = await service.end()
  }
  const verdict = verdictOf(samples, { targetRate: Number(values.rate), interrupted: ending.signal.aborted })
  print(verdict)
  return verdict.verdict === 'flat' && code === 0 ? 0 : 1
}

/** Takes samples until the time is up or the run is interrupted. */
async function observe(service: ServiceProcess, producer: ChildProcess, samples: Sample[]): Promise<void> {
  await service.until(
    'the first alerts',
    async () => ending.signal.aborted || total(await service.metrics(), 'hierax_outcomes_total') > 0,
    600_000
  )
  const sampler = new Sampler(service)
  for (const end = Date.now() + Number(values.minutes) * 60_000; Date.now() < end; ) {
    await sleep(1000 * Number(values.every), undefined, { signal: ending.signal })
    if (service.child.exitCode !== null) throw new Error(`The service exited:\n${service.log}`)
    if (producer.exitCode !== null) throw new Error('The producer exited')
    const sample = await sampler.take()
    samples.push(sample)
    print(sample)
  }
}

if (values.help) process.stdout.write(`${help}\n`)
else process.exitCode = await measured('soak', startCluster, soak)
process.exit()
