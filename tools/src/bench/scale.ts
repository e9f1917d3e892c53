/**
 * `npm run bench:scale`: the rate of one, two, four and eight members of a group, each held to a share of a core, over one Valkey. Each number of members
 * reads the same backlog from its beginning, with a new group and an empty store. Prints JSON: rates, what an alert costs each part, and what larger streams
 * need by that (`scale/cost-model.ts`); and the same as tables on standard error. Needs Linux and `valkey-server` or `redis-server`.
 */
import fs from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { AlertStream } from './load/alert-stream.ts'
import { basePackets } from './load/base-packets.ts'
import { needsOf, type Stream, saturation } from './scale/cost-model.ts'
import { compare, costsOf, type Measurement, tables } from './scale/report.ts'
import { type Run, run, writeBacklog } from './scale/run.ts'
import { type Cluster, startCluster } from './service/cluster.ts'
import { measured, say } from './setup.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    ...{
      members: text,
      share: text,
      seconds: text,
      objects: text,
      warm: text,
      partitions: text,
      store: text,
      output: text
    },
    ...{ nightly: text, hours: text, peak: text, new: text, revisit: text, keep: text, days: text, from: text },
    help: { type: 'boolean', default: false }
  }
})

const help = `Usage: npm run --silent bench:scale -- [options]

  --members LIST   numbers of members (1,2,4,8)
  --share S        of a core, for each member (0.1)
  --seconds N      length of each measurement (15)
  --objects N      objects of the load (4096)
  --warm N         alerts of each member before it is measured (4000)
  --partitions N   of the input topic (16)
  --store KIND     valkey, or lmdb: one folder for all members (valkey)
  --output FILE    also write the JSON to a file

  --from FILE      measure nothing: print the tables of an earlier run's JSON

  --nightly LIST   alerts a night of the streams to compute (1e6,1e7,1e8)
  --hours H        of a night (9)
  --peak P         greatest rate over mean rate (4)
  --new S          share of alerts that are the first of their object (0.23)
  --revisit N      nights between two alerts of a recurring object (10)
  --keep D         store.keepDays (100)
  --days D         that Kafka keeps packets and classifications (7)`

const counts = (values.members ?? '1,2,4,8').split(',').map(Number)
const share = Number(values.share ?? 0.1)
const seconds = Number(values.seconds ?? 15)
const partitions = Number(values.partitions ?? 16)
const objects = Number(values.objects ?? 4096)
/** Alerts of known objects that each of the most members processes freely, so that its code is compiled. Fewer members process as many in all. */
const warmUp = Number(values.warm ?? 4000)
const store = values.store ?? 'valkey'

/** Less CPU time than an alert can cost, s: bounds what the members read while they are measured. */
const leastCost = 200e-6

function streams(): Stream[] {
  const days = Number(values.days ?? 7)
  return (values.nightly ?? '1e6,1e7,1e8').split(',').map(nightly => ({
    alertsPerNight: Number(nightly),
    hours: Number(values.hours ?? 9),
    peakFactor: Number(values.peak ?? 4),
    // ALeRCE had classified 3.4e7 objects in 1.5e8 alerts of ZTF (Förster et al. 2021).
    newShare: Number(values.new ?? 0.23),
    revisit: Number(values.revisit ?? 10),
    keepDays: Number(values.keep ?? 100),
    packetDays: days,
    classificationDays: days
  }))
}

async function scale(cluster: Cluster, folder: string): Promise<number> {
  if (store !== 'valkey' && store !== 'lmdb') throw new Error(`--store ${store}: valkey or lmdb`)
  const base = await basePackets()
  const stream = new AlertStream(base, objects)
  const most = Math.max(...counts)
  const read = most * (warmUp + (share / leastCost) * (seconds + 3))
  const epochs = 1 + Math.ceil(read / objects)
  say(`${base.from}; writing ${objects * epochs} packets …`)
  const backlog = await writeBacklog(cluster, { stream, epochs, partitions })
  const runs: Run[] = []
  for (const members of counts) {
    say(`${members} members …`)
    runs.push(await run(cluster, folder, backlog, { members, share, seconds, warmUp: most * warmUp, store }))
  }
  const bytesOfPacket = rounded(backlog.bytes / backlog.packets, 0)
  const load = { from: base.from, broker: cluster.from, store, share, partitions, objects, bytesOfPacket }
  const machine = { cpus: os.availableParallelism(), model: os.cpus()[0]?.model ?? '', node: process.version }
  print({ machine, load, runs })
  const problems = runs.flatMap(each => each.problems.map(problem => `${each.members} members: ${problem}`))
  for (const problem of problems) say(`WRONG: ${problem}`)
  return problems.length > 0 ? 1 : 0
}

function print(measurement: Measurement & { machine: object }): void {
  const last = measurement.runs.at(-1)
  const costs = last ? costsOf(measurement, last) : null
  const json = JSON.stringify(
    {
      ...measurement,
      comparisons: compare(measurement),
      costs,
      saturation: costs && Object.fromEntries(saturation(costs).map(([part, rate]) => [part, rounded(rate, 0)])),
      needs: costs && streams().map(stream => ({ ...stream, ...needsOf(stream, costs) }))
    },
    null,
    2
  )
  process.stdout.write(`${json}\n`)
  if (values.output) fs.writeFileSync(values.output, `${json}\n`)
  say(tables(measurement, streams()))
}

if (values.help) process.stdout.write(`${help}\n`)
else if (values.from !== undefined)
  process.stdout.write(tables(JSON.parse(fs.readFileSync(values.from, 'utf8')) as Measurement, streams()))
else process.exitCode = await measured('scale', startCluster, scale)
process.exit()
