import fs from 'node:fs'
import path from 'node:path'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { freePort } from '../../../../test/support/free-port.ts'
import { patienceMs, until } from '../../../../test/support/until.ts'
import { ValkeyServer } from '../../../../test/support/valkey.ts'
import type { AlertStream } from '../load/alert-stream.ts'
import { RawProducer } from '../load/raw-producer.ts'
import { recordBatches } from '../load/record-batch.ts'
import { Answers } from '../service/answers.ts'
import type { Cluster } from '../service/cluster.ts'
import { groupOf, Workers } from '../service/workers.ts'
import { limitCores } from './core-share.ts'
import { ValkeyMeter } from './valkey-meter.ts'
import { perBatch, placeOf, windowOf } from './window.ts'

/** A topic that holds all packets of a stream before any member starts. */
export interface Backlog {
  readonly topic: string
  readonly partitions: number
  readonly stream: AlertStream
  readonly epochs: number
  readonly packets: number
  readonly bytes: number
}

/** Writes the packets of a stream's epochs to a new topic. */
export async function writeBacklog(
  { brokers, tools }: Cluster,
  { stream, epochs, partitions }: Pick<Backlog, 'stream' | 'epochs' | 'partitions'>
): Promise<Backlog> {
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  const topic = await tools.topic(tools.name('scale'), { partitions, config })
  // Leaders that do not know of it yet refuse this, and packets too.
  const accepts = () =>
    tools.offsets(topic).then(
      () => true,
      () => false
    )
  await until(accepts, patienceMs, () => `the leaders of ${topic}`)
  const producer = await RawProducer.connect(brokers, topic)
  let bytes = 0
  function* packets() {
    for (const packet of stream.packets(0, epochs)) {
      bytes += packet.length
      yield packet
    }
  }
  for (const batch of recordBatches(packets(), perBatch)) {
    await producer.write(batch)
    // Lets the broker's responses be read, and other timers run.
    await setImmediate()
  }
  await producer.finish()
  return { topic, partitions, stream, epochs, packets: epochs * stream.objects, bytes }
}

export interface RunOptions {
  readonly members: number
  /** Of a core, for each member. */
  readonly share: number
  /** Greatest length of the measurement, s. */
  readonly seconds: number
  /**
   * Alerts of known objects that the members process freely, so that their code is compiled when they are measured. It must be the same for all numbers
   * of members: later packets have longer histories and cost more.
   */
  readonly warmUp: number
  readonly store: 'valkey' | 'lmdb'
}

/** Time between the start of the limits and that of the measurement, ms: the credit of earlier seconds is used up. */
const settling = 2000

/** Lets some members of a new group process a backlog on an empty store, each held to a share of a core for a while, and measures that while. */
export async function run(cluster: Cluster, folder: string, backlog: Backlog, options: RunOptions) {
  const { members, share, seconds } = options
  const data = path.join(folder, `${options.store}-${members}`)
  fs.mkdirSync(data)
  const server = options.store === 'valkey' ? new ValkeyServer(await freePort(), data, []) : null
  await server?.start()
  const valkey = server && (await ValkeyMeter.start(server))
  const output = cluster.tools.name(`answers-of-${members}`)
  const settings = server ? { HIERAX_STORE_URL: `${server.url}/0` } : {}
  try {
    const workers = await Workers.start({
      cluster,
      count: members,
      inputs: [backlog.topic],
      output,
      store: data,
      settings
    })
    let release = () => {}
    try {
      await untilWarm(workers, backlog, options.warmUp)
      release = limitCores(workers.pids(), share)
      await sleep(settling)
      const from = Date.now()
      await sleep(seconds * 1000)
      const to = Date.now()
      release()
      const isStopped = await workers.stop()
      const answered = await answeredOf(cluster, backlog, output)
      const window = windowOf(answered, backlog.partitions, from, to)
      const problems = [
        ...(window.alerts > 0 ? [] : ['a partition ran dry before the measurement began']),
        ...(isStopped ? [] : ['a member did not exit with 0']),
        ...(await lost(cluster, backlog, { group: groupOf(output), answered }))
      ]
      return {
        members,
        problems,
        ...figures(window, { workers, cluster, members }),
        valkey: valkey && (await costOfValkey(valkey, window, backlog.stream.objects))
      }
    } finally {
      release()
      await workers.stop()
    }
  } finally {
    valkey?.stop()
    await server?.kill()
    fs.rmSync(data, { recursive: true, force: true })
  }
}

/** When each packet of the backlog was answered first, epoch ms; infinite for those that were not. */
async function answeredOf(cluster: Cluster, { stream, epochs }: Backlog, output: string): Promise<number[]> {
  const answers = await Answers.read(cluster.tools, output)
  return [...stream.names(0, epochs)].map(name => answers.appended(name) ?? Number.POSITIVE_INFINITY)
}

/** The packets before the group's committed offsets that have no answer. */
async function lost(
  { tools }: Cluster,
  { topic, partitions }: Backlog,
  { group, answered }: { group: string; answered: readonly number[] }
): Promise<string[]> {
  const admin = await tools.admin()
  const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const committed = new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  const missing = answered.filter((at, index) => {
    const { partition, offset } = placeOf(index, partitions)
    return offset < (committed.get(partition) ?? 0) && !Number.isFinite(at)
  })
  return missing.length > 0 ? [`${missing.length} alerts that were read have no classification`] : []
}

export type Run = Awaited<ReturnType<typeof run>>

type Window = ReturnType<typeof windowOf>

function figures(
  { from, to, alerts }: Window,
  { workers, cluster, members }: { workers: Workers; cluster: Cluster; members: number }
) {
  const seconds = (to - from) / 1000
  const cpu = workers.cpuSeconds(from, to) ?? Number.NaN
  const broker = cluster.meter?.cpuSeconds(from, to) ?? Number.NaN
  return {
    seconds: rounded(seconds, 2),
    alerts,
    alertsPerSecond: rounded(alerts / seconds, 0),
    /** Of a core, that each member had. */
    shareOfCore: rounded(cpu / seconds / members, 3),
    microsecondsOfCpuPerAlert: microseconds(cpu, alerts),
    microsecondsOfCpuOfBroker: microseconds(broker, alerts)
  }
}

async function costOfValkey(valkey: ValkeyMeter, { from, to, alerts }: Window, objects: number) {
  const { cpuSeconds, commands, bytesIn, bytesOut } = valkey.between(from, to)
  const memory = await valkey.contents()
  return {
    microsecondsOfCpuPerAlert: microseconds(cpuSeconds, alerts),
    commandsPerAlert: rounded(commands / alerts, 2),
    bytesInPerAlert: rounded(bytesIn / alerts, 0),
    bytesOutPerAlert: rounded(bytesOut / alerts, 0),
    bytesPerObject: rounded(memory.objects / objects, 0),
    bytesOfStatesPerObject: rounded(memory.states / objects, 0)
  }
}

function microseconds(seconds: number, alerts: number): number {
  return rounded((seconds / alerts) * 1e6, 0)
}

/**
 * Waits until all objects are known, the members have processed `warmUp` further alerts, and each had a fair part of them. Throws if a member gets too
 * little.
 */
async function untilWarm(workers: Workers, { stream, packets }: Backlog, warmUp: number): Promise<void> {
  for (;;) {
    const consumed = await workers.consumed()
    const total = consumed.reduce((sum, each) => sum + each, 0)
    const least = Math.min(...consumed)
    if (total >= stream.objects + warmUp && least >= (0.5 * warmUp) / consumed.length) return
    if (total > packets) throw new Error(`A member had only ${least} of ${total} alerts when the backlog was read`)
    await sleep(50)
  }
}
