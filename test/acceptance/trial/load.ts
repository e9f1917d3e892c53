import fs from 'node:fs'
import path from 'node:path'
import { AlertStream } from '@hierax/tools/bench/load/alert-stream.ts'
import { type BasePackets, basePackets } from '@hierax/tools/bench/load/base-packets.ts'
import type { KafkaTools } from '../../support/kafka-tools.ts'
import { shared } from '../../support/shared.ts'
import { type RealPacket, realPackets } from '../packets.ts'
import type { Random } from './random.ts'

export const partitions = 4

const allPartitions = Array.from({ length: partitions }, (_, partition) => partition)

/** Number of alerts of a simulated object. */
const epochs = 5

/** Number of packets that the simulated objects are derived from. */
const baseObjects = 40

/** Bytes of one request of the producer. */
const requestBytes = 900_000

/** Share of the real objects in a trial of the short form; the long one has all. `serve.test.ts` sends every real packet. */
const realShare = Number(process.env.REAL_SHARE ?? 0.25)

/**
 * The alerts of a trial, in parts: real packets of ../shared (including odd ones; all those of a random share of the objects) distributed
 * over the parts, full-size packets of simulated objects, invalid packets and duplicates, in random order on four partitions.
 */
export class TrialLoad {
  packets = 0
  readonly #tools: KafkaTools
  readonly #topic: string
  readonly #random: Random
  readonly #base: BasePackets
  /** Packets of a real object stay on few partitions, which limits the number of subsets to recompute. */
  readonly #real: Buffer[]
  readonly #partitionsOf = new Map<Buffer, readonly number[]>()
  readonly #partSize: number
  readonly #realInPart: number
  #parts = 0
  #last: readonly Buffer[] = []

  private constructor(
    tools: KafkaTools,
    topic: string,
    base: BasePackets,
    real: readonly RealPacket[],
    options: { random: Random; parts: number; partSize: number }
  ) {
    this.#tools = tools
    this.#topic = topic
    this.#random = options.random
    this.#base = base
    this.#real = options.random.shuffled(real.map(({ bytes }) => bytes))
    for (const { name, bytes } of real) this.#partitionsOf.set(bytes, partitionsFor(path.dirname(name)))
    this.#partSize = options.partSize
    this.#realInPart = Math.ceil(real.length / options.parts)
  }

  /** Creates the topic, for about `parts` parts with `partSize` packets of simulated objects each. */
  static async create(
    tools: KafkaTools,
    options: { random: Random; parts: number; partSize?: number; replication?: number }
  ): Promise<{ load: TrialLoad; topic: string }> {
    const config = { 'max.message.bytes': '20000000' }
    const topic = await tools.topic(tools.name('alerts'), { partitions, replication: options.replication ?? 1, config })
    const real = fs.existsSync(shared) ? someObjects(realPackets(), options.random) : []
    return {
      topic,
      load: new TrialLoad(tools, topic, await basePackets(baseObjects), real, {
        partSize: Number(process.env.PART ?? 200),
        ...options
      })
    }
  }

  /** Produces the next part; resolves when it is acknowledged. */
  async next(): Promise<void> {
    const random = this.#random
    const objects = Math.round(this.#partSize / epochs)
    const stream = new AlertStream(this.#base, objects, objects * this.#parts++)
    const fresh = [...stream.packets(0, epochs), ...this.#real.splice(0, this.#realInPart)]
    const invalid = Array.from({ length: 5 }, () => Buffer.from(`no packet ${this.#parts} ${random.next()}`))
    const duplicates = random.shuffled([...this.#last, ...fresh]).slice(0, this.#partSize / 10)
    this.#last = random.shuffled(fresh).slice(0, this.#partSize / 4)
    await this.#produce(random.shuffled([...fresh, ...invalid, ...duplicates]))
  }

  async #produce(packets: readonly Buffer[]): Promise<void> {
    const waiting = Array.from({ length: partitions }, () => [] as Buffer[])
    const flush = async (partition: number): Promise<void> => {
      const values = waiting[partition] ?? []
      waiting[partition] = []
      if (values.length === 0) return
      await this.#tools.produce(
        this.#topic,
        values.map(value => ({ partition, value }))
      )
    }
    for (const packet of packets) {
      const allowed = this.#partitionsOf.get(packet) ?? allPartitions
      const partition = allowed[this.#random.below(allowed.length)] as number
      const bytes = (waiting[partition] ?? []).reduce((sum, value) => sum + value.length, packet.length)
      if (bytes > requestBytes) await flush(partition)
      waiting[partition]?.push(packet)
      this.packets++
    }
    for (let partition = 0; partition < partitions; partition++) await flush(partition)
  }
}

/** All packets of a random share of the objects; one that cannot be decoded counts as an object. */
function someObjects(packets: readonly RealPacket[], random: Random): RealPacket[] {
  const chosen = new Map<string, boolean>()
  return packets.filter(({ name, alerts }) => {
    const object = alerts[0]?.split('/')[0] ?? name
    const isChosen = chosen.get(object) ?? random.next() < realShare
    chosen.set(object, isChosen)
    return isChosen
  })
}

/** Two partitions for the packets of a folder. */
function partitionsFor(folder: string): number[] {
  const first = [...folder].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % partitions
  return [first, (first + 1) % partitions]
}
