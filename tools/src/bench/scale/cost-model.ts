/** A survey's stream, and how long it is kept. */
export interface Stream {
  readonly alertsPerNight: number
  /** Length of a night, h. */
  readonly hours: number
  /** Greatest rate over the mean rate of a night. */
  readonly peakFactor: number
  /** Share of a night's alerts that are the first of their object, 0–1. */
  readonly newShare: number
  /** Nights between two alerts of a recurring object. */
  readonly revisit: number
  /** `store.keepDays`: objects without an alert for this time are removed. */
  readonly keepDays: number
  /** How long Kafka keeps packets and classifications, days. */
  readonly packetDays: number
  readonly classificationDays: number
}

/** What an alert costs, as `npm run bench:scale` measures it. CPU times are those of the machine that was measured. */
export interface Costs {
  /** CPU time of the service, of the broker and of Valkey, s. */
  readonly service: number
  readonly broker: number
  readonly valkey: number
  readonly packetBytes: number
  /** Bytes of a stored classification. */
  readonly classificationBytes: number
  /** Bytes between service and Valkey, both ways. */
  readonly valkeyBytes: number
  readonly valkeyCommands: number
  /** Memory of Valkey per object, and that of an object's cached states, bytes. */
  readonly objectBytes: number
  readonly stateBytes: number
}

/** What one unit of each part can bear. */
export const limits = {
  /** Cores that one process of the service uses before its main thread is busy. */
  serviceCores: 1,
  /** Cores of one Valkey: it executes commands in one thread. Beyond this share of it, requests wait. */
  valkeyCores: 0.7,
  /** Memory of one Valkey, bytes. */
  valkeyBytes: 256e9,
  /** Network of one machine, bytes/s (10 Gbit/s, of which 70 % are used). */
  networkBytes: 0.7 * 1.25e9
} as const

/** Days without an alert after which Valkey drops an object's cached states (docs/operate.md). */
export const stateDays = 30

/** What a stream needs at its greatest rate. */
export interface Needs {
  /** Greatest rate, alerts/s. */
  readonly rate: number
  readonly serviceCores: number
  /** Processes of the service: the least number of input partitions. */
  readonly processes: number
  readonly brokerCores: number
  readonly valkeyCores: number
  readonly valkeyCommandsPerSecond: number
  /** Objects in the store once its size is steady, and those with cached states. */
  readonly objects: number
  readonly objectsWithStates: number
  /** Memory of Valkey for objects, and for cached states, bytes. */
  readonly objectBytes: number
  readonly stateBytes: number
  /** Servers that the commands need, and that the objects without states need. */
  readonly serversForCommands: number
  readonly serversForObjects: number
  /** Bytes/s of packets: into the brokers, and once more to each group that reads them. */
  readonly packetBytesPerSecond: number
  readonly networkLinks: number
  /** Disk of the brokers, bytes, for each replica. */
  readonly diskBytes: number
}

export function needsOf(stream: Stream, costs: Costs): Needs {
  const rate = (stream.alertsPerNight / (stream.hours * 3600)) * stream.peakFactor
  const serviceCores = rate * costs.service
  const valkeyCores = rate * costs.valkey
  const packetBytesPerSecond = rate * costs.packetBytes
  const objects = objectsSeen(stream, stream.keepDays)
  const objectsWithStates = objectsSeen(stream, Math.min(stateDays, stream.keepDays))
  const objectBytes = objects * costs.objectBytes
  return {
    rate,
    serviceCores,
    processes: Math.ceil(serviceCores / limits.serviceCores),
    brokerCores: rate * costs.broker,
    valkeyCores,
    valkeyCommandsPerSecond: rate * costs.valkeyCommands,
    objects,
    objectsWithStates,
    objectBytes,
    stateBytes: objectsWithStates * costs.stateBytes,
    serversForCommands: Math.ceil(valkeyCores / limits.valkeyCores),
    serversForObjects: Math.ceil(objectBytes / limits.valkeyBytes),
    packetBytesPerSecond,
    networkLinks: Math.ceil((packetBytesPerSecond + rate * costs.valkeyBytes) / limits.networkBytes),
    diskBytes:
      stream.alertsPerNight *
      (costs.packetBytes * stream.packetDays + costs.classificationBytes * stream.classificationDays)
  }
}

/**
 * Objects with an alert in the last `days` nights, all of them clear: those that were new, and the recurring ones, of which one night shows one in
 * `revisit`.
 */
export function objectsSeen({ alertsPerNight, newShare, revisit }: Stream, days: number): number {
  return alertsPerNight * (newShare * days + (1 - newShare) * Math.min(days, revisit))
}

/** The rates (alerts/s) at which one unit of each part is full, the least first. */
export function saturation({ service, valkey, packetBytes, valkeyBytes }: Costs): [part: string, rate: number][] {
  const rates: [string, number][] = [
    ['one process of the service', limits.serviceCores / service],
    ['one Valkey', limits.valkeyCores / valkey],
    ['the network of one machine', limits.networkBytes / (packetBytes + valkeyBytes)]
  ]
  return rates.sort((a, b) => a[1] - b[1])
}
