import { setTimeout as sleep } from 'node:timers/promises'
import { topic as topicKind } from '../config/kinds.ts'
import { loadConfig } from '../config/load.ts'
import { HieraxError } from '../errors.ts'
import { openPacketPublisher, type PacketPublisher } from '../streams/kafka/producer/packet-publisher.ts'
import type { Progress } from './terminal/progress.ts'

/** Options that name a topic of a cluster, as `replay` and `simulate` take them. */
export interface PublishTarget {
  readonly brokers?: string[]
  readonly topic: string
  readonly partitions?: number
  readonly config?: string
}

/** Connects to the topic that the options name; TLS and credentials come from the configuration's `input`. */
export async function openTarget({ brokers, topic, partitions, config }: PublishTarget): Promise<PacketPublisher> {
  if (!topicKind.schema.safeParse(topic).success) {
    const message = `--topic: ${JSON.stringify(topic)} is not a valid topic name (letters, digits, ".", "_", "-")`
    throw new HieraxError('USAGE', message)
  }
  const { input } = loadConfig({ file: config, env: process.env, overrides: { 'input.brokers': brokers } })
  return openPacketPublisher({
    connection: { brokers: input.brokers, ssl: input.ssl, sasl: input.sasl, clientId: 'hierax-replay' },
    topic,
    ...(partitions === undefined ? {} : { partitions })
  })
}

/** Result of a publication. */
export interface Published {
  packets: number
  bytes: number
  seconds: number
}

interface PublishOptions {
  readonly rate: number
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly pause?: number
}

/** ms. */
const timerResolution = 10

/**
 * Publishes packets, with their keys, at a steady rate until they end or `signal` is aborted. Every packet that was taken is sent.
 *
 * @param rate packets per second; 0 for as fast as possible
 * @param pause shortest wait, ms: packets that become due meanwhile are sent together
 */
export async function publishAll(
  packets: AsyncIterable<{ readonly bytes: Uint8Array; readonly key?: Uint8Array | null }>,
  publisher: PacketPublisher,
  { rate, progress, signal, pause = timerResolution }: PublishOptions
): Promise<Published> {
  const begun = performance.now()
  const done = { packets: 0, bytes: 0, seconds: 0 }
  for await (const { bytes, key = null } of packets) {
    if (rate > 0) await waitUntil(begun + (done.packets * 1000) / rate, { publisher, pause, signal })
    if (signal.aborted) break
    await publisher.publish(bytes, key)
    done.packets += 1
    done.bytes += bytes.length + (key?.length ?? 0)
    progress.advance()
  }
  await publisher.flush()
  return { ...done, seconds: (performance.now() - begun) / 1000 }
}

/** Sends queued packets and sleeps until it is time for the next one, at least for `pause`, so that several may follow at once. */
async function waitUntil(
  time: number,
  { publisher, pause, signal }: { publisher: PacketPublisher; pause: number; signal: AbortSignal }
): Promise<void> {
  if (time <= performance.now()) return
  await publisher.flush()
  await sleep(Math.max(pause, time - performance.now()), undefined, { signal }).catch(() => undefined)
}

/** A summary in one line. */
export function summary({ packets, bytes, seconds }: Published, topic: string, partitions: number): string {
  const rate = Math.round(packets / Math.max(seconds, 1e-3))
  const size = (bytes / 1e6).toFixed(1)
  return `${packets} packets (${size} MB) to ${topic}, ${partitions} partitions, in ${seconds.toFixed(1)} s: ${rate}/s\n`
}
