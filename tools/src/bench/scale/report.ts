import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { type Costs, needsOf, type Stream, saturation } from './cost-model.ts'
import type { Run } from './run.ts'

/** What was measured. */
export interface Measurement {
  readonly load: {
    /** Of a core, for each member. */
    readonly share: number
    readonly partitions: number
    readonly bytesOfPacket: number
    readonly [detail: string]: unknown
  }
  readonly runs: readonly Run[]
}

/** Bytes of a classification on disk (docs/performance.md, Avro compressed by zstd, with its share of the record batch). */
const classificationBytes = 720

/** What an alert costs in a run; null if the run had no Valkey. */
export function costsOf({ load }: Measurement, run: Run): Costs | null {
  if (run.valkey === null) return null
  return {
    service: run.microsecondsOfCpuPerAlert / 1e6,
    broker: run.microsecondsOfCpuOfBroker / 1e6,
    valkey: run.valkey.microsecondsOfCpuPerAlert / 1e6,
    packetBytes: load.bytesOfPacket,
    classificationBytes,
    valkeyBytes: run.valkey.bytesInPerAlert + run.valkey.bytesOutPerAlert,
    valkeyCommands: run.valkey.commandsPerAlert,
    objectBytes: run.valkey.bytesPerObject,
    stateBytes: run.valkey.bytesOfStatesPerObject
  }
}

/** A run compared with the first one. */
export interface Comparison {
  readonly members: number
  /** Its rate over that of as many times the first run: 1 if the rate of a member does not depend on their number. */
  readonly efficiency: number
  /** What the cost model says of this run by the costs of the first one: alerts/s. */
  readonly predicted: number
}

export function compare({ load, runs }: Measurement): Comparison[] {
  const [first] = runs
  if (first === undefined) return []
  return runs.map(({ members, alertsPerSecond }) => ({
    members,
    efficiency: rounded((alertsPerSecond / members) * (first.members / first.alertsPerSecond), 3),
    predicted: rounded((members * load.share * 1e6) / first.microsecondsOfCpuPerAlert, 0)
  }))
}

/** The measurement, and what streams need by the costs of its last run, as tables in Markdown. */
export function tables(measurement: Measurement, streams: readonly Stream[]): string {
  const { runs } = measurement
  const comparisons = compare(measurement)
  const measured = table(
    [
      'members',
      'alerts/s',
      'efficiency',
      'predicted alerts/s',
      'share of a core that each had',
      'service, µs',
      'broker, µs',
      'Valkey, µs',
      'Valkey, commands'
    ],
    runs.map((run, index) => [
      run.members,
      whole(run.alertsPerSecond),
      comparisons[index]?.efficiency.toFixed(2) ?? '',
      whole(comparisons[index]?.predicted ?? Number.NaN),
      run.shareOfCore.toFixed(3),
      run.microsecondsOfCpuPerAlert,
      run.microsecondsOfCpuOfBroker,
      run.valkey?.microsecondsOfCpuPerAlert ?? '–',
      run.valkey?.commandsPerAlert.toFixed(1) ?? '–'
    ])
  )
  const last = runs.at(-1)
  const costs = last && costsOf(measurement, last)
  if (!costs) return measured
  const full = table(
    ['part', 'alerts/s at which one is full'],
    saturation(costs).map(([part, rate]) => [part, whole(rate)])
  )
  return `${measured}\n${full}\n${needsTable(streams, costs)}`
}

const terabytes = (bytes: number) => `${precise(bytes / 1e12)} TB`
const gigabytes = (bytes: number) => `${precise(bytes / 1e9)} GB`

function needsTable(streams: readonly Stream[], costs: Costs): string {
  const needs = streams.map(stream => needsOf(stream, costs))
  const row = (name: string, value: (each: (typeof needs)[number]) => string | number) => [name, ...needs.map(value)]
  return table(
    ['alerts a night', ...streams.map(({ alertsPerNight }) => whole(alertsPerNight))],
    [
      row('greatest rate, alerts/s', each => whole(each.rate)),
      row('cores of the service', each => precise(each.serviceCores)),
      row('processes of the service, and least number of partitions', each => whole(each.processes)),
      row('cores of the brokers (one replica, one reader)', each => precise(each.brokerCores)),
      row('cores of Valkey', each => precise(each.valkeyCores)),
      row('commands of Valkey a second', each => whole(each.valkeyCommandsPerSecond)),
      row('Valkey servers that the commands need', each => whole(each.serversForCommands)),
      row('objects in the store, millions', each => precise(each.objects / 1e6)),
      row('memory of Valkey for objects', each => gigabytes(each.objectBytes)),
      row('memory of Valkey for cached states', each => gigabytes(each.stateBytes)),
      row('Valkey servers of 256 GB that the objects need', each => whole(each.serversForObjects)),
      row('packets, MB/s', each => whole(each.packetBytesPerSecond / 1e6)),
      row('links of 10 Gbit/s', each => whole(each.networkLinks)),
      row('disk of the brokers for each replica', each => terabytes(each.diskBytes))
    ]
  )
}

function table(head: readonly (string | number)[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')).replaceAll(' ', '') + rows.map(line).join('')
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Two significant digits. */
function precise(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en')
}
