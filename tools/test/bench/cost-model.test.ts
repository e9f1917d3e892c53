import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Costs, needsOf, type Stream, saturation } from '../../src/bench/scale/cost-model.ts'

const costs: Costs = {
  service: 400e-6,
  broker: 100e-6,
  valkey: 70e-6,
  packetBytes: 65_000,
  classificationBytes: 720,
  valkeyBytes: 5000,
  valkeyCommands: 3,
  objectBytes: 10_000
}
const stream: Stream = {
  alertsPerNight: 36e6,
  hours: 10,
  peakFactor: 5,
  objects: 1e6,
  packetDays: 7,
  classificationDays: 30
}

test('the needs of a stream follow from its greatest rate and what an alert costs', () => {
  const needs = needsOf(stream, costs)
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual}`)
  near(needs.rate, 5000)
  near(needs.serviceCores, 2)
  assert.equal(needs.processes, 2)
  near(needs.brokerCores, 0.5)
  near(needs.valkeyCores, 0.35)
  assert.equal(needs.valkeyServers, 1)
  near(needs.valkeyCommandsPerSecond, 15_000)
  near(needs.packetBytesPerSecond, 325e6)
  assert.equal(needs.networkLinks, 1)
  near(needs.valkeyMemoryBytes, 1e10)
  near(needs.diskBytes, 36e6 * (7 * 65_000 + 30 * 720))
})

test('a stream ten times as large needs ten times as much, in whole processes, servers and links', () => {
  const needs = needsOf({ ...stream, alertsPerNight: 10 * stream.alertsPerNight }, costs)
  assert.deepEqual([needs.processes, needs.valkeyServers, needs.networkLinks], [20, 5, 4])
})

test('the part that is full first comes first', () => {
  const order = saturation(costs).map(([part]) => part)
  assert.deepEqual(order, ['one process of the service', 'one Valkey', 'the network of one machine'])
  const [[first] = []] = saturation({ ...costs, valkey: 1e-3 })
  assert.equal(first, 'one Valkey')
})
