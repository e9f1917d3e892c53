import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import type { TestKafka } from '../support/brokers.ts'
import type { ReadMessage } from '../support/kafka-tools.ts'
import { cleanEnvironment } from '../support/service.ts'

/** A topic with packets, some of which crash the process that decodes them. */
export interface PoisonedTopic {
  /** Sources (`topic/partition/offset`) of the poison packets. */
  readonly expected: readonly string[]
  settings(store: string): Readonly<Record<string, string>>
  /** Whether every packet has its outcome. */
  done(): Promise<boolean>
  /** Compares the output with the expected outcomes. */
  judge(): Promise<void>
}

const partitions = 2

/** Packets of simulated alerts without images. */
async function somePackets(count: number): Promise<Buffer[]> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  return [...new Simulation(curves, { seed: 7, objects: 40, cutoutBytes: 0 })].slice(0, count).map(({ bytes }) => bytes)
}

const isPoison = ({ value }: ReadMessage): boolean => value?.includes('POISON') === true
const alertOf = ({ value }: ReadMessage): bigint => decodeClassification(value as Buffer, 'avro').candid

/** Produces 60 packets, with poison packets at these indices, to a new topic of two partitions. */
export async function poisonedTopic(
  { tools, brokers }: TestKafka,
  poisonous: readonly number[]
): Promise<PoisonedTopic> {
  const packets = await somePackets(60)
  const topic = await tools.topic(tools.name('poison'), { partitions })
  const values = packets.map((packet, at) =>
    poisonous.includes(at) ? Buffer.concat([packet, Buffer.from('POISON')]) : packet
  )
  for (let from = 0; from < values.length; from += 8) {
    const some = values.slice(from, from + 8)
    await tools.produce(
      topic,
      some.map((value, at) => ({ partition: (from + at) % partitions, value }))
    )
  }
  // On a busy machine the producer may repeat a batch, so the sources are read from the topic.
  const sourceOf = ({ partition, offset }: ReadMessage): string => `${topic}/${partition}/${offset}`
  const expected = (await tools.read(topic)).filter(isPoison).map(sourceOf).sort()
  const [out, dead] = [`${topic}.out`, `${topic}.dead`]
  const healthy = packets.length - poisonous.length
  const counted = new Map<string, { written: number; distinct: number }>()
  // A crashed process may have repeated messages; these count once.
  const distinct = async (topic: string, enough: number, of: (message: ReadMessage) => unknown): Promise<number> => {
    const written = (await tools.offsets(topic).catch(() => null))?.total ?? 0
    if (written < enough) return 0
    const known = counted.get(topic)
    if (known?.written === written) return known.distinct
    const distinct = new Set((await tools.read(topic)).map(of)).size
    counted.set(topic, { written, distinct })
    return distinct
  }
  return {
    expected,
    settings: store => ({
      HIERAX_HTTP_PORT: '0',
      HIERAX_INPUT_BROKERS: brokers.join(','),
      HIERAX_INPUT_TOPICS: topic,
      HIERAX_INPUT_GROUP: topic,
      HIERAX_OUTPUT_CLASSIFICATIONS: out,
      HIERAX_OUTPUT_DEAD_LETTERS: dead,
      HIERAX_STORE_URL: store
    }),
    done: async () =>
      (await distinct(dead, expected.length, ({ headers }) => headers.source)) === expected.length &&
      (await distinct(out, healthy, alertOf)) === healthy,
    judge: async () => {
      const refused = await tools.read(dead)
      assert.ok(refused.every(({ headers }) => headers['error.code'] === 'POISON'))
      assert.deepEqual([...new Set(refused.map(({ headers }) => headers.source))].sort(), expected)
      assert.ok(refused.every(isPoison), 'the dead letter contains the packet')
      assert.equal(new Set((await tools.read(out)).map(alertOf)).size, healthy)
    }
  }
}

/** Restarts a process whenever it ends, as a supervisor does, until everything is done; resolves with the number of deaths. */
export async function keepRunning(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  done: () => Promise<boolean>,
  onStart: (child: ChildProcess) => void = () => {}
): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    assert.ok(deaths < 30, 'it keeps dying')
    const child = spawn(process.execPath, args, {
      env: cleanEnvironment(settings),
      stdio: ['ignore', 'pipe', 'ignore']
    })
    child.stdout?.resume()
    onStart(child)
    const ended = once(child, 'close')
    try {
      while (child.exitCode === null && child.signalCode === null) {
        if (await done()) {
          child.kill('SIGTERM')
          await ended
          return deaths
        }
        await sleep(250)
      }
    } finally {
      child.kill('SIGKILL') // still running only if something failed
    }
  }
}
