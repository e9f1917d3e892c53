/**
 * Writes small packets to a topic at a fixed rate until it is stopped: `offer.ts BROKERS TOPIC RATE OBJECTS`. Each round has an alert of
 * every object with a new detection and a month of history.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { Simulation } from '../../simulator/simulate.ts'
import { AlertStream } from '../load/alert-stream.ts'
import { editorsOf } from '../load/base-packets.ts'
import { RawProducer } from '../load/raw-producer.ts'
import { recordBatch } from '../load/record-batch.ts'

/** Packets per record batch. */
const perBatch = 10

const [brokers = '', topic = '', rate = '1', objects = '1'] = process.argv.slice(2)

/** A stream of packets with small cutouts, to save disk space. */
async function smallPackets(): Promise<AlertStream> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const packets = [...new Simulation(curves, { seed: 1, objects: 12, cutoutBytes: 4000 })].map(({ bytes }) => bytes)
  const editors = editorsOf(packets.map(Buffer.from), 0)
  return new AlertStream({ from: 'simulated', editors }, Number(objects))
}

const stream = await smallPackets()
const producer = await RawProducer.connect(brokers.split(','), topic)
const interval = (1000 * perBatch) / Number(rate)
let began = performance.now() - interval
let values: Buffer[] = []
for (const packet of stream.packets(0, Number.MAX_SAFE_INTEGER)) {
  values.push(packet)
  if (values.length < perBatch) continue
  began += interval
  const wait = began - performance.now()
  if (wait > 1) await sleep(wait)
  await producer.write(recordBatch(values))
  values = []
}
