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

/** Packets on a topic, some of which end the process that decodes them. */
export interface PoisonedTopic {
  /** Offsets of the poisonous ones, as sources. */
  readonly expected: readonly string[]
  settings(store: string): Readonly<Record<string, string>>
  /** Whether all of them have their outcome. */
  done(): Promise<boolean>
  /** Holds what came out against what had to. */
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

/** Puts 60 packets on a new topic of two partitions, the ones of these numbers poisonous. */
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
  // On a busy machine the producer may send a batch again: what counts is what the topic holds.
  const sourceOf = ({ partition, offset }: ReadMessage): string => `${topic}/${partition}/${offset}`
  const expected = (await tools.read(topic)).filter(isPoison).map(sourceOf).sort()
  const [out, dead] = [`${topic}.out`, `${topic}.dead`]
  const innocent = packets.length - poisonous.length
  // What comes twice, as the last words of a process may, counts once.
  const distinct = async (topic: string, enough: number, of: (message: ReadMessage) => unknown): Promise<number> => {
    const written = await tools.offsets(topic).catch(() => null)
    if (written === null || written.total < enough) return 0
    return new Set((await tools.read(topic)).map(of)).size
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
      (await distinct(out, innocent, alertOf)) === innocent,
    judge: async () => {
      const refused = await tools.read(dead)
      assert.ok(refused.every(({ headers }) => headers['error.code'] === 'POISON'))
      assert.deepEqual([...new Set(refused.map(({ headers }) => headers.source))].sort(), expected)
      assert.ok(refused.every(isPoison), 'the packet itself is in the dead letter')
      assert.equal(new Set((await tools.read(out)).map(alertOf)).size, innocent)
    }
  }
}

/** Starts a process again and again, as whatever keeps a service running does, until all is done; resolves with the number of deaths. */
export async function keepRunning(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  done: () => Promise<boolean>,
  onStart: (child: ChildProcess) => void = () => {}
): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    assert.ok(deaths < 30, 'it dies without end')
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
        await sleep(100)
      }
    } finally {
      child.kill('SIGKILL') // where it is still there, something failed
    }
  }
}
