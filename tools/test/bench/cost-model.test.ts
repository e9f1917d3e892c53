import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Costs, needsOf, objectsSeen, type Stream, saturation } from '../../src/bench/scale/cost-model.ts'

const costs: Costs = {
  service: 400e-6,
  broker: 100e-6,
  valkey: 70e-6,
  packetBytes: 65_000,
  classificationBytes: 720,
  valkeyBytes: 5000,
  valkeyCommands: 3,
  objectBytes: 2000,
  stateBytes: 3000
}
const stream: Stream = {
  alertsPerNight: 36e6,
  hours: 10,
  peakFactor: 5,
  newShare: 0.2,
  revisit: 10,
  keepDays: 100,
  packetDays: 7,
  classificationDays: 30
}

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual}`)

test('the needs of a stream follow from its greatest rate and what an alert costs', () => {
  const needs = needsOf(stream, costs)
  near(needs.rate, 5000)
  near(needs.serviceCores, 2)
  assert.equal(needs.processes, 2)
  near(needs.brokerCores, 0.5)
  near(needs.valkeyCores, 0.35)
  assert.equal(needs.serversForCommands, 1)
  near(needs.valkeyCommandsPerSecond, 15_000)
  near(needs.packetBytesPerSecond, 325e6)
  assert.equal(needs.networkLinks, 1)
  near(needs.objects, 36e6 * (20 + 8))
  near(needs.objectBytes, 36e6 * 28 * 2000)
  assert.equal(needs.serversForObjects, 8)
  near(needs.objectsWithStates, 36e6 * (6 + 8))
  near(needs.stateBytes, 36e6 * 14 * 3000)
  near(needs.diskBytes, 36e6 * (7 * 65_000 + 30 * 720))
})

test('a stream ten times as large needs ten times as much, in whole processes, servers and links', () => {
  const needs = needsOf({ ...stream, alertsPerNight: 10 * stream.alertsPerNight }, costs)
  assert.deepEqual([needs.processes, needs.serversForCommands, needs.networkLinks], [20, 5, 4])
})

test('recurring objects count once, and in a time shorter than their pause at most once', () => {
  near(objectsSeen({ ...stream, newShare: 0 }, 100), 36e6 * 10)
  near(objectsSeen({ ...stream, newShare: 0 }, 1), 36e6)
  near(objectsSeen({ ...stream, newShare: 1 }, 100), 36e6 * 100)
  const kept = needsOf({ ...stream, keepDays: 5 }, costs)
  assert.equal(kept.objectsWithStates, kept.objects, 'an object that is removed has no states')
})

test('the part that is full first comes first', () => {
  const order = saturation(costs).map(([part]) => part)
  assert.deepEqual(order, ['one process of the service', 'one Valkey', 'the network of one machine'])
  const [[first] = []] = saturation({ ...costs, valkey: 1e-3 })
  assert.equal(first, 'one Valkey')
})
