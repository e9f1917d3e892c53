/**
 * Writes a spool of record batches to a topic at a fixed rate: `offer.ts BROKERS TOPIC PARTITIONS RATE PER_BATCH FILE`. A
 * process of its own, which has nothing to do but to hand on bytes: kafkajs takes a millisecond to write a packet, and the
 * service and the broker need both processors. Prints as JSON how well the rate was held.
 */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ResponseAssembler } from '../../src/streams/kafka/framed-socket.ts'
import { KafkaTools } from '../../test/support/kafka-tools.ts'
import { produceError, produceRequest } from './record-batch.ts'
import { readSpool } from './spool.ts'

const [brokers = '', topic = '', partitionCount = '1', rate = '1', perBatch = '1', file = ''] = process.argv.slice(2)
const partitions = Number(partitionCount)

/** Connections to the leaders of the partitions. */
async function leaders(): Promise<net.Socket[]> {
  const tools = new KafkaTools(brokers.split(','))
  const admin = await tools.admin()
  const { brokers: nodes } = await admin.describeCluster()
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  await tools.close()
  const sockets = new Map(nodes.map(({ nodeId, host, port }) => [nodeId, net.connect({ host, port, noDelay: true })]))
  return Array.from({ length: partitions }, (_, partition) => {
    const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader
    return sockets.get(leader ?? -1) as net.Socket
  })
}

const sockets = await leaders()
let sent = 0
let acknowledged = 0
for (const socket of new Set(sockets)) {
  const responses = new ResponseAssembler(response => {
    const error = produceError(response)
    if (error !== 0) throw new Error(`The broker refused a batch: error ${error}`)
    acknowledged++
  })
  socket.on('data', bytes => responses.take(bytes))
}

const interval = (1000 * Number(perBatch)) / Number(rate)
const began = performance.now()
let lateBy = 0
for (const batch of readSpool(file)) {
  const wait = began + sent * interval - performance.now()
  if (wait > 1) await sleep(wait)
  lateBy = Math.max(lateBy, -wait)
  const partition = sent % partitions
  const socket = sockets[partition] as net.Socket
  socket.write(produceRequest(topic, partition, batch.length, sent++))
  if (!socket.write(batch)) await new Promise(resolve => socket.once('drain', resolve))
}
const seconds = (performance.now() - began) / 1000
while (acknowledged < sent) await sleep(5)
for (const socket of new Set(sockets)) socket.destroy()
const { user, system } = process.cpuUsage()
const alerts = sent * Number(perBatch)
process.stdout.write(
  `${JSON.stringify({ rate: alerts / seconds, cpuSeconds: (user + system) / 1e6, latestMs: lateBy })}\n`
)
