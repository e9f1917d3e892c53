import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { resolveDesc } from 'hierax/app/desc-classes.ts'
import { loadModels, readModels } from 'hierax/app/models.ts'
import { type Compression, compressions } from 'hierax/compression/compressors.ts'
import { type Encoding, formats } from 'hierax/messages/encoding.ts'
import type { OutputSettings } from 'hierax/messages/outgoing.ts'
import { chunks } from 'hierax/streams/kafka/consumer/batches.ts'
import { requestBytes } from 'hierax/streams/kafka/producer/producer.ts'
import type { InputMessage, OutputMessage } from 'hierax/streams/types.ts'
import { bench } from '../../../../test/support/pipeline.ts'
import { AlertStream } from '../load/alert-stream.ts'
import type { BasePackets } from '../load/base-packets.ts'
import { storedBatch } from './stored-batch.ts'

/** Mean sizes of the messages on a topic. */
export interface MessageSize {
  readonly topic: string
  /** Null: the value does not depend on `output.encoding`. */
  readonly encoding: Encoding | null
  readonly messages: number
  readonly messagesPerBatch: number
  /** Bytes of the value alone. */
  readonly valueBytes: number
  /** Bytes of a message in a record batch, with its key, its headers and its share of the batch's own header. */
  readonly storedBytes: Readonly<Record<Compression, number>>
}

/** The output topics of a service, by their default names where they have one. */
const output: Omit<OutputSettings, 'encoding'> = {
  classifications: 'hierax.classifications',
  deadLetters: 'hierax.dead-letters',
  routes: [
    { topic: 'route', node: 'Transient', minProbability: 0.5 },
    { topic: 'route with retract', node: 'Transient', minProbability: 0.5, retract: true }
  ],
  current: { topic: 'hierax.current', group: 'hierax' }
}

/** The topic in DESC's form (`output.desc.topic`), which has no default name. */
export const descTopic = 'desc'

/** One packet in this number is damaged and becomes a dead letter. */
const damagedOneOf = 20

/** Alerts that the service processes together. */
const alertsPerFetch = 50

/** The sizes of the messages for a load. */
export async function messageSizes(input: readonly InputMessage[], messagesPerBatch: number): Promise<MessageSize[]> {
  const sizes: MessageSize[] = []
  for (const [encoding, messages] of await outputFor(input)) {
    for (const topic of new Set(messages.map(message => message.topic))) {
      const inOneForm = topic === output.deadLetters || topic === descTopic
      if (inOneForm && sizes.some(size => size.topic === topic)) continue
      const onTopic = messages.filter(message => message.topic === topic)
      sizes.push({ topic, encoding: inOneForm ? null : encoding, ...(await sizesOf(onTopic, messagesPerBatch)) })
    }
  }
  return sizes
}

/** So many alerts in turn of the objects of a load, as a consumer of the survey's topic gets them. */
export function inputFrom(base: BasePackets, alerts: number): InputMessage[] {
  const objects = base.editors.length
  const topic = 'ztf_20260101_programid1'
  const messages: InputMessage[] = []
  for (const packet of new AlertStream(base, objects).packets(0, Math.ceil(alerts / objects))) {
    const offset = messages.length
    if (offset === alerts) break
    const value = offset % damagedOneOf === 0 ? packet.subarray(0, -1) : packet
    messages.push({ value, topic, source: `${topic}/0/${offset}`, ingested: Date.now() })
  }
  return messages
}

/** What a service with the bundled model publishes for the input, in each encoding. */
export async function outputFor(input: readonly InputMessage[]): Promise<Map<Encoding, readonly OutputMessage[]>> {
  const models = await readModels({ model: [] })
  const classifiers = await loadModels({ model: [], runtime: 'auto' }, models)
  const desc = resolveDesc({ topic: descTopic, classes: null }, models)
  const decoder = createDecoder()
  const published = new Map<Encoding, readonly OutputMessage[]>()
  for (const encoding of Object.keys(formats) as Encoding[]) {
    const { pipeline, sent } = bench({
      decode: bytes => decoder.decode(bytes),
      classifiers,
      output: { ...output, encoding, desc }
    })
    for (let at = 0; at < input.length; at += alertsPerFetch) {
      await pipeline.process(input.slice(at, at + alertsPerFetch))
    }
    published.set(encoding, sent)
  }
  for (const classifier of classifiers) classifier.dispose()
  return published
}

async function sizesOf(messages: readonly OutputMessage[], messagesPerBatch: number) {
  const batches = [...chunks(messages, { chunkMessages: messagesPerBatch, chunkBytes: requestBytes })]
  const perMessage = (bytes: number): number => rounded(bytes / messages.length, 0)
  const stored: [Compression, number][] = []
  for (const compression of compressions) {
    let bytes = 0
    for (const batch of batches) bytes += (await storedBatch(batch, compression)).length
    stored.push([compression, perMessage(bytes)])
  }
  return {
    messages: messages.length,
    messagesPerBatch: rounded(messages.length / batches.length, 1),
    valueBytes: perMessage(messages.reduce((sum, { value }) => sum + value.length, 0)),
    storedBytes: Object.fromEntries(stored) as Record<Compression, number>
  }
}
