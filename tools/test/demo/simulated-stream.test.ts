import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { until } from '../../../test/support/until.ts'
import { maxUnread, publishInProcess } from '../../src/demo/in-process.ts'
import { SimulatedStream } from '../../src/demo/simulated-stream.ts'
import { MemoryLog } from '../../src/memory-log/memory-log.ts'

test('the stream reuses light curves, ends after the given number of objects, and knows the label of each', async () => {
  const curves: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves()) if (curves.push(curve) === 2) break
  const stream = new SimulatedStream(curves, { seed: 1, objects: 50, perRound: 20 })
  const decoder = createDecoder()
  const ids = new Set<string>()
  for await (const packet of stream.packets()) for (const alert of decoder.decode(packet)) ids.add(alert.objectId)
  assert.equal(ids.size, 50)
  const labels = new Set([...ids].map(id => stream.labelOf(id)))
  assert.ok(labels.has('asteroid') && labels.has('bogus') && !labels.has(null), `${[...labels]}`)
  assert.equal(stream.labelOf('ZTF18aaaaaaa'), null)
  assert.ok(curves.some(({ id }) => id === stream.example))
})

test('a publisher to the in-process log waits while too many packets are unread', async () => {
  const log = new MemoryLog()
  const publisher = publishInProcess(log, 'in')
  let published = 0
  const publishing = (async () => {
    for (; published < maxUnread + 100; published += 1) await publisher.publish(new Uint8Array())
  })()
  await until(() => log.records('in').length >= maxUnread)
  // A publisher that did not wait would publish the remaining packets, one per turn of the event loop.
  for (let turn = 0; turn < 1000; turn += 1) await setImmediate()
  assert.equal(published, maxUnread)
  for (let partition = 0; partition < publisher.partitions; partition += 1) log.deleteBefore('in', partition, 1000)
  await publishing
  assert.equal(published, maxUnread + 100)
})
