/**
 * Writes a spool of packets to a topic at a fixed rate: `offer.ts BROKERS TOPIC PARTITIONS RATE FILE`. A process of its own,
 * so that neither the clock nor the service suffers from its work. Prints as JSON how well the rate was held.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaTools } from '../../test/support/kafka-tools.ts'
import { readSpool } from './spool.ts'

/** Packets that are due are sent together so often, ms. */
const tick = 10

const [brokers = '', topic = '', partitions = '1', rate = '1', file = ''] = process.argv.slice(2)
const tools = new KafkaTools(brokers.split(','))
await tools.offsets(topic)
const packets = readSpool(file)
const began = performance.now()
const sends = new Set<Promise<void>>()
let sent = 0
let latest = 0

for (let ended = false; !ended; ) {
  const due = Math.ceil(((performance.now() - began) / 1000) * Number(rate)) - sent
  latest = Math.max(latest, (due / Number(rate)) * 1000)
  const lots = Array.from({ length: Number(partitions) }, () => [] as Buffer[])
  for (let i = 0; i < Math.min(due, 40) && !ended; i++) {
    const { value, done } = packets.next()
    if (done) ended = true
    else lots[sent++ % lots.length]?.push(value)
  }
  for (const [partition, lot] of lots.entries()) {
    if (lot.length === 0) continue
    const send = tools
      .produce(
        topic,
        lot.map(value => ({ partition, value }))
      )
      .finally(() => sends.delete(send))
    sends.add(send)
  }
  await sleep(due > 40 ? 1 : tick)
}
await Promise.all(sends)
const seconds = (performance.now() - began) / 1000
await tools.close()
const { user, system } = process.cpuUsage()
const figures = { alerts: sent, seconds, rate: sent / seconds, cpuSeconds: (user + system) / 1e6, latestMs: latest }
process.stdout.write(`${JSON.stringify(figures)}\n`)
