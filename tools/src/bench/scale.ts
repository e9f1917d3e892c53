/**
 * `npm run bench:scale`: the rate of one, two, four and eight members of a group, each held to a share of a core, over one Valkey. Prints
 * JSON: rates, their ratio to that of one member, what an alert costs each part, and what larger streams need by that (`scale/cost-model.ts`).
 * Needs Linux and `valkey-server` or `redis-server`.
 * `--members LIST` (1,2,4,8), `--share S` (0.1), `--alerts N` of each member (1200), `--partitions N` (16), `--output FILE`,
 * `--nightly LIST` of alerts a night (1e7,1e8), `--hours H` of a night (10), `--peak P` (4: greatest over mean rate), `--objects N` per alert of
 * a night (10), `--days D` that Kafka keeps packets and classifications (7).
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { Redis } from 'iovalkey'
import { freePort } from '../../../test/support/free-port.ts'
import { ValkeyServer } from '../../../test/support/valkey.ts'
import { AlertStream } from './load/alert-stream.ts'
import { type BasePackets, basePackets } from './load/base-packets.ts'
import { preload } from './load/preload.ts'
import { limitCores } from './scale/core-share.ts'
import { type Costs, needsOf, type Stream, saturation } from './scale/cost-model.ts'
import { Answers } from './service/answers.ts'
import { type Cluster, startCluster } from './service/cluster.ts'
import { check, type Load, throughput } from './service/phases.ts'
import { ProcessMeter } from './service/process-meter.ts'
import { Workers } from './service/workers.ts'
import { measured, say } from './setup.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    ...{ members: text, share: text, alerts: text, partitions: text, output: text },
    ...{ nightly: text, hours: text, peak: text, objects: text, days: text }
  }
})
const counts = (values.members ?? '1,2,4,8').split(',').map(Number)
const share = Number(values.share ?? 0.1)
const partitions = Number(values.partitions ?? 16)

/** Epochs of each object. Up to `measuredFrom` the members run freely, so that their code is compiled when they are measured. */
const epochs = 32
const measuredFrom = 20
const objectsOfMember = Math.max(1, Math.round(Number(values.alerts ?? 1200) / (epochs - measuredFrom)))

/** Counters of a Valkey server. */
interface ValkeyCounters {
  readonly commands: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly memory: number
}

async function countersOf(client: Redis): Promise<ValkeyCounters> {
  const info = await client.info()
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  return {
    commands: field('total_commands_processed'),
    bytesIn: field('total_net_input_bytes'),
    bytesOut: field('total_net_output_bytes'),
    memory: field('used_memory')
  }
}

/** Lets `count` members process a load of their own, and measures it. */
async function run(cluster: Cluster, folder: string, base: BasePackets, count: number) {
  const stream = new AlertStream(base, count * objectsOfMember, 1_000_000 * count)
  const topic = await cluster.tools.topic(cluster.tools.name(`scale-${count}`), { partitions })
  const first = await preload(cluster.tools, topic, partitions, stream.packets(0, measuredFrom))
  const data = path.join(folder, `valkey-${count}`)
  fs.mkdirSync(data)
  const server = new ValkeyServer(await freePort(), data, [])
  await server.start()
  const client = new Redis(server.port)
  client.on('error', () => {}) // it ends with the server
  const meter = new ProcessMeter(server.pid)
  const output = `${topic}.answers`
  try {
    const empty = await countersOf(client)
    const settings = { HIERAX_STORE_URL: `${server.url}/0` }
    const workers = await Workers.start({ cluster, count, inputs: [topic], output, store: data, settings })
    let release = () => {}
    try {
      await workers.answered(first.packets)
      const before = await countersOf(client)
      release = limitCores(workers.pids(), share)
      const sent = await preload(cluster.tools, topic, partitions, stream.packets(measuredFrom, epochs))
      const load: Load = { stream, topic, from: 0, to: epochs, measuredFrom }
      const after = await workers.answered(first.packets + sent.packets)
      const answers = await Answers.read(cluster.tools, output)
      const counters = await countersOf(client)
      const { from, to, alerts } = answers.span(new Set(stream.names(measuredFrom, epochs)))
      const figures = throughput(load, answers, workers, cluster)
      const each = (total: number, digits = 0) => rounded(total / sent.packets, digits)
      return {
        members: count,
        check: check(`${count} members`, load, answers, { before: null, after, exact: count === 1 }),
        ...figures,
        shareOfCore: rounded((workers.cpuSeconds(from, to) ?? Number.NaN) / ((to - from) / 1000) / count, 3),
        perAlert: {
          bytesOfPacket: each(sent.bytes),
          microsecondsOfCpuOfValkey: rounded(((meter.cpuSeconds(from, to) ?? Number.NaN) / alerts) * 1e6, 0),
          valkeyCommands: each(counters.commands - before.commands, 2),
          valkeyBytesIn: each(counters.bytesIn - before.bytesIn),
          valkeyBytesOut: each(counters.bytesOut - before.bytesOut)
        },
        valkeyBytesPerObject: rounded((counters.memory - empty.memory) / stream.objects, 0)
      }
    } finally {
      release()
      await workers.stop()
    }
  } finally {
    meter.stop()
    client.disconnect()
    await server.kill()
  }
}

type Run = Awaited<ReturnType<typeof run>>

/** Bytes of a classification on disk (docs/performance.md, Avro compressed by zstd, with its share of the record batch). */
const classificationBytes = 720

/** What an alert costs in the run with the most members. */
function costsOf({
  microsecondsOfCpuPerAlert,
  alertsPerCpuSecondOfBroker,
  perAlert,
  valkeyBytesPerObject
}: Run): Costs {
  return {
    service: (microsecondsOfCpuPerAlert ?? Number.NaN) / 1e6,
    broker: 1 / (alertsPerCpuSecondOfBroker ?? Number.NaN),
    valkey: perAlert.microsecondsOfCpuOfValkey / 1e6,
    packetBytes: perAlert.bytesOfPacket,
    classificationBytes,
    valkeyBytes: perAlert.valkeyBytesIn + perAlert.valkeyBytesOut,
    valkeyCommands: perAlert.valkeyCommands,
    objectBytes: valkeyBytesPerObject
  }
}

function streams(): Stream[] {
  const days = Number(values.days ?? 7)
  return (values.nightly ?? '1e7,1e8').split(',').map(nightly => ({
    alertsPerNight: Number(nightly),
    hours: Number(values.hours ?? 10),
    peakFactor: Number(values.peak ?? 4),
    objects: Number(nightly) * Number(values.objects ?? 10),
    packetDays: days,
    classificationDays: days
  }))
}

async function scale(cluster: Cluster, folder: string): Promise<number> {
  const base = await basePackets()
  const runs: Run[] = []
  for (const count of counts) {
    say(`${count} members …`)
    runs.push(await run(cluster, folder, base, count))
  }
  const one = runs[0] as Run
  const costs = costsOf(runs.at(-1) as Run)
  const report = {
    machine: { cpus: os.availableParallelism(), model: os.cpus()[0]?.model ?? '', node: process.version },
    load: {
      from: base.from,
      broker: cluster.from,
      share,
      partitions,
      alertsOfMember: objectsOfMember * (epochs - measuredFrom)
    },
    runs: runs.map(each => ({
      ...each,
      /** 1 if the rate of a member does not depend on their number. */
      efficiency: rounded((each.alertsPerSecond / one.alertsPerSecond) * (one.members / each.members), 3),
      /** What the cost model says of this run: the share of the members over what an alert costs them. */
      predictedPerSecond: rounded((each.members * share) / costs.service, 0)
    })),
    costs,
    saturation: Object.fromEntries(saturation(costs).map(([part, rate]) => [part, rounded(rate, 0)])),
    needs: streams().map(stream => ({ ...stream, ...needsOf(stream, costs) }))
  }
  const json = `${JSON.stringify(report, null, 2)}\n`
  process.stdout.write(json)
  if (values.output) fs.writeFileSync(values.output, json)
  const problems = runs.flatMap(each => each.check.problems)
  for (const problem of problems) say(`WRONG: ${problem}`)
  return problems.length > 0 ? 1 : 0
}

process.exitCode = await measured('scale', startCluster, scale)
process.exit()
