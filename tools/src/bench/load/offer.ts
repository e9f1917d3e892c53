/**
 * Writes a spool of record batches to a topic at a fixed rate: `offer.ts BROKERS TOPIC RATE PER_BATCH FILE`. A separate process, so that
 * nothing else delays it. Prints the achieved rate and delay as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { RawProducer } from './raw-producer.ts'
import { readSpool } from './spool.ts'

const [brokers = '', topic = '', rate = '1', perBatch = '1', file = ''] = process.argv.slice(2)
const producer = await RawProducer.connect(brokers.split(','), topic)

const interval = (1000 * Number(perBatch)) / Number(rate)
const began = performance.now()
let lateBy = 0
for (const batch of readSpool(file)) {
  const wait = began + producer.sent * interval - performance.now()
  if (wait > 1) await sleep(wait)
  lateBy = Math.max(lateBy, -wait)
  await producer.write(batch)
}
const seconds = (performance.now() - began) / 1000
while (producer.acknowledged < producer.sent) await sleep(5)
producer.close()
const { user, system } = process.cpuUsage()
const alerts = producer.sent * Number(perBatch)
process.stdout.write(
  `${JSON.stringify({ rate: alerts / seconds, cpuSeconds: (user + system) / 1e6, latestMs: lateBy })}\n`
)
