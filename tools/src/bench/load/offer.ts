/**
 * Writes record batches to a topic at a fixed rate: `offer.ts BROKERS TOPIC RATE PER_BATCH SOURCE`. SOURCE is a spool of batches, or a
 * number of objects whose small packets are generated until the process is stopped. A separate process, so that nothing else
 * delays it. Prints the achieved rate and delay as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlertStream } from './alert-stream.ts'
import { simulatedPackets } from './base-packets.ts'
import { RawProducer } from './raw-producer.ts'
import { recordBatches } from './record-batch.ts'
import { readSpool } from './spool.ts'

const [brokers = '', topic = '', rate = '1', perBatch = '1', source = ''] = process.argv.slice(2)

/** Rounds of alerts without end: in each, every object has an alert with a new detection and a month of history. */
async function smallPackets(objects: number): Promise<Iterable<Buffer>> {
  // Small cutouts save disk space.
  const base = await simulatedPackets(
    { objects: 12, cutoutBytes: 4000 },
    { most: Number.POSITIVE_INFINITY, leastBytes: 0 }
  )
  return new AlertStream(base, objects).packets(0, Number.MAX_SAFE_INTEGER)
}

const batches = /^\d+$/.test(source)
  ? recordBatches(await smallPackets(Number(source)), Number(perBatch))
  : readSpool(source)
const producer = await RawProducer.connect(brokers.split(','), topic)

const interval = (1000 * Number(perBatch)) / Number(rate)
const began = performance.now()
let lateBy = 0
for (const batch of batches) {
  const wait = began + producer.sent * interval - performance.now()
  if (wait > 1) await sleep(wait)
  lateBy = Math.max(lateBy, -wait)
  await producer.write(batch)
}
const seconds = (performance.now() - began) / 1000
await producer.finish()
const { user, system } = process.cpuUsage()
const alerts = producer.sent * Number(perBatch)
process.stdout.write(
  `${JSON.stringify({ rate: alerts / seconds, cpuSeconds: (user + system) / 1e6, latestMs: lateBy })}\n`
)
