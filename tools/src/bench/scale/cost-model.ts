/** A survey's stream and what is kept of it. */
export interface Stream {
  readonly alertsPerNight: number
  /** Length of a night, h. */
  readonly hours: number
  /** Greatest rate over the mean rate of a night. */
  readonly peakFactor: number
  /** Objects in the store. */
  readonly objects: number
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
  /** Memory of Valkey per object, bytes. */
  readonly objectBytes: number
}

/** What one unit of each part can bear. */
export const limits = {
  /** Cores that one process of the service uses before its main thread is busy. */
  serviceCores: 1,
  /** Cores of one Valkey: it executes commands in one thread. Beyond this share of it, answers wait. */
  valkeyCores: 0.7,
  /** Network of one machine, bytes/s (10 Gbit/s, of which 70 % are used). */
  networkBytes: 0.7 * 1.25e9
} as const

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
  readonly valkeyServers: number
  /** Bytes/s of packets: into the brokers, and once more to each group that reads them. */
  readonly packetBytesPerSecond: number
  readonly networkLinks: number
  readonly valkeyMemoryBytes: number
  /** Disk of the brokers, bytes, for each replica. */
  readonly diskBytes: number
}

export function needsOf(stream: Stream, costs: Costs): Needs {
  const rate = (stream.alertsPerNight / (stream.hours * 3600)) * stream.peakFactor
  const serviceCores = rate * costs.service
  const valkeyCores = rate * costs.valkey
  const packetBytesPerSecond = rate * costs.packetBytes
  return {
    rate,
    serviceCores,
    processes: Math.ceil(serviceCores / limits.serviceCores),
    brokerCores: rate * costs.broker,
    valkeyCores,
    valkeyCommandsPerSecond: rate * costs.valkeyCommands,
    valkeyServers: Math.ceil(valkeyCores / limits.valkeyCores),
    packetBytesPerSecond,
    networkLinks: Math.ceil((packetBytesPerSecond + rate * costs.valkeyBytes) / limits.networkBytes),
    valkeyMemoryBytes: stream.objects * costs.objectBytes,
    diskBytes:
      stream.alertsPerNight *
      (costs.packetBytes * stream.packetDays + costs.classificationBytes * stream.classificationDays)
  }
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
