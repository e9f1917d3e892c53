import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, costsOf, type Measurement, tables } from '../../src/bench/scale/report.ts'
import type { Run } from '../../src/bench/scale/run.ts'

function runOf(members: number, alertsPerSecond: number, microsecondsOfCpuPerAlert: number): Run {
  return {
    members,
    problems: [],
    seconds: 10,
    alerts: 10 * alertsPerSecond,
    alertsPerSecond,
    shareOfCore: 0.1,
    microsecondsOfCpuPerAlert,
    microsecondsOfCpuOfBroker: 100,
    valkey: {
      microsecondsOfCpuPerAlert: 70,
      commandsPerAlert: 8.5,
      bytesInPerAlert: 3000,
      bytesOutPerAlert: 2000,
      bytesPerObject: 2000,
      bytesOfStatesPerObject: 3000
    }
  }
}

const measurement: Measurement = {
  load: { share: 0.1, partitions: 16, bytesOfPacket: 65_000 },
  runs: [runOf(1, 200, 500), runOf(8, 1440, 550)]
}

test('the efficiency is the rate over that of as many single members, the prediction follows from the first run', () => {
  assert.deepEqual(compare(measurement), [
    { members: 1, efficiency: 1, predicted: 200 },
    { members: 8, efficiency: 0.9, predicted: 1600 }
  ])
})

test('the tables have the measured runs, the part that is full first, and the needs of each stream', () => {
  const stream = {
    ...{ alertsPerNight: 1e7, hours: 10, peakFactor: 4, newShare: 0.2, revisit: 10, keepDays: 100 },
    ...{ packetDays: 7, classificationDays: 7 }
  }
  const text = tables(measurement, [stream])
  assert.match(text, /^\| 8 \| 1,440 \| 0\.90 \| 1,600 \| 0\.100 \| 550 \| 100 \| 70 \| 8\.5 \|$/m)
  assert.match(text, /^\| one process of the service \| 1,818 \|$/m)
  assert.match(text, /^\| alerts a night \| 10,000,000 \|$/m)
  assert.match(text, /^\| objects in the store, millions \| 280 \|$/m)
  assert.match(text, /^\| memory of Valkey for objects \| 560 GB \|$/m)
})

test('without Valkey there are no costs, and only the measured runs', () => {
  const { load, runs } = measurement
  const local = runs.map(run => ({ ...run, valkey: null }))
  assert.equal(costsOf(measurement, local[0] as Run), null)
  assert.doesNotMatch(tables({ load, runs: local }, []), /alerts a night/)
})
