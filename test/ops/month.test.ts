import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { temporaryFolder } from '../support/service.ts'
import { groups, rules } from './monitoring/dashboard.ts'
import { Prometheus, prometheusSkip } from './monitoring/prometheus.ts'
import { readingOf } from './monitoring/promql.ts'
import { alertHistory, type Firing } from './month/alert-history.ts'
import { day, type Episode, endOf, hour, monthStart, startOf } from './month/conditions.ts'
import { scrapes } from './month/month.ts'

/** What the rules read. */
const names = new Set(rules.flatMap(({ expr }) => readingOf(expr).selectors.map(({ metric }) => metric)))

/** Runs the service for some days, and gives all alerts that the rules then raise. */
async function alertsOf(days: number, episodes: readonly Episode[]): Promise<Firing[]> {
  const folder = temporaryFolder()
  const samples = path.join(folder, 'samples')
  await pipeline(Readable.from(scrapes(days, episodes, names)), fs.createWriteStream(samples))
  const prometheus = await Prometheus.of(folder, samples)
  try {
    const [from, to] = [monthStart / 1000, (monthStart + days * day) / 1000]
    const histories = await Promise.all(groups.map(group => alertHistory(prometheus, group, from, to)))
    return histories.flat()
  } finally {
    await prometheus.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

const cloudy = (title: string, day: number, nights: number): Episode => ({
  title,
  day,
  hour: 2,
  hours: 24 * nights - 12,
  change: { alertsPerHour: 0 }
})

const fewAlerts = (day: number): Episode => ({
  title: 'a night of other programmes',
  day,
  hour: 3,
  hours: 10,
  change: { alertsPerHour: 100 }
})

/** What happens in a normal month besides clear nights and days. */
const usualEvents: Episode[] = [
  ...[1, 10, 11, 16, 20, 21, 22, 27, 28].map(fewAlerts),
  { title: 'a cloudy night', day: 3, hour: 2, hours: 12, change: { alertsPerHour: 0 } },
  { title: 'half a night', day: 5, hour: 8, hours: 5, change: { alertsPerHour: 0 } },
  cloudy('three cloudy nights', 17, 3),
  { title: 'a few alerts between clouds', day: 7, hour: 3, hours: 10, change: { alertsPerHour: 12, unreadable: 0.1 } },
  { title: 'the peak of a night', day: 8, hour: 5, hours: 0.4, change: { alertsPerHour: 20_000, capacity: 9_000 } },
  { title: 'a deploy by day: process a', day: 9, hour: 15, hours: 1 / 60, change: { down: ['a:8080'] } },
  { title: 'a deploy by day: process b', day: 9, hour: 15.1, hours: 1 / 60, change: { down: ['b:8080'] } },
  { title: 'a rebalance', day: 12, hour: 6, hours: 0.1, change: { owner: 'b:8080' } },
  { title: 'an output cluster that elects leaders', day: 14, hour: 7, hours: 0.05, change: { outputReady: false } },
  { title: 'maintenance of the input cluster', day: 15, hour: 18, hours: 0.06, change: { inputReady: false } },
  { title: 'a deploy by night: process a', day: 23, hour: 4, hours: 1 / 60, change: { down: ['a:8080'] } },
  { title: 'a deploy by night: process b', day: 23, hour: 4.1, hours: 1 / 60, change: { down: ['b:8080'] } },
  { title: 'a consumer that starts again', day: 24, hour: 4, hours: 1, change: { consumerEnds: 1 } },
  { title: 'a night of asteroids and artefacts', day: 25, hour: 3, hours: 10, change: { bogus: 0.8 } },
  {
    title: 'a field of galaxies',
    day: 26,
    hour: 3,
    hours: 10,
    change: { classes: { Stellar: 0.4, AGN: 0.35, 'SN Ia': 0.17, 'SN II': 0.08 } }
  }
]

/** Failures, each with every alert that it must raise. Nights before and between them are normal. */
const failures: Episode[] = [
  {
    title: 'a process ends',
    day: 2,
    hour: 4,
    hours: 3,
    change: { down: ['a:8080'] },
    alerts: ['HieraxDown', 'HieraxProcessMissing']
  },
  {
    title: 'Prometheus loses its targets',
    day: 2,
    hour: 15,
    hours: 1,
    change: { scraped: false },
    alerts: ['HieraxAbsent']
  },
  { title: 'a crash loop', day: 2, hour: 20, hours: 1, change: { starts: 8 }, alerts: ['HieraxCrashLoop'] },
  { title: 'workers end', day: 3, hour: 4, hours: 1, change: { workerEnds: 6 }, alerts: ['HieraxWorkerRestarts'] },
  {
    title: 'the consumer crashes',
    day: 3,
    hour: 7,
    hours: 1,
    change: { consumerEnds: 6 },
    alerts: ['HieraxConsumerRestarts']
  },
  {
    title: 'a clock that is three minutes off',
    day: 3,
    hour: 15,
    hours: 3,
    change: { clockOff: 180 },
    alerts: ['HieraxClockSkew']
  },
  { title: 'tensors pile up', day: 3, hour: 15, hours: 8, change: { tensors: 400 }, alerts: ['HieraxTensorsLeak'] },
  {
    title: 'the store is refused',
    day: 4,
    hour: 4,
    hours: 1,
    change: { storeReady: false },
    alerts: ['HieraxNotReady', 'HieraxNotReadyLong', 'HieraxStuck']
  },
  {
    title: 'the output is refused',
    day: 4,
    hour: 8,
    hours: 0.5,
    change: { outputReady: false },
    alerts: ['HieraxNotReady', 'HieraxPublishRetries', 'HieraxStuck']
  },
  {
    title: 'the input cluster is gone',
    day: 4,
    hour: 16,
    hours: 1,
    change: { inputReady: false },
    alerts: ['HieraxNotReady', 'HieraxNotReadyLong']
  },
  {
    title: 'the input cluster refuses the credentials',
    day: 4,
    hour: 20,
    hours: 1,
    change: { inputReady: false, refusals: 60 },
    alerts: ['HieraxKafkaRefuses', 'HieraxNotReady', 'HieraxNotReadyLong']
  },
  {
    title: 'more alerts than can be consumed',
    day: 5,
    hour: 5,
    hours: 1.5,
    change: { alertsPerHour: 100_000, capacity: 500 },
    alerts: ['HieraxLagGrowing', 'HieraxFallingBehind']
  },
  { title: 'its backlog is given up', day: 5, hour: 6.5, hours: 0.2, change: { backlogSkipped: true } },
  {
    title: 'nobody reads a partition',
    day: 6,
    hour: 4,
    hours: 1,
    change: { unread: [2] },
    alerts: ['HieraxPartitionUnread']
  },
  {
    title: 'a partition makes no progress',
    day: 6,
    hour: 7,
    hours: 1,
    change: { stuck: [1] },
    alerts: ['HieraxPartitionStuck']
  },
  {
    title: 'retention removes what was not read',
    day: 6,
    hour: 11,
    hours: 1,
    change: { expired: 500 },
    alerts: ['HieraxMessagesExpired']
  },
  {
    title: 'the topic of the night is created again',
    day: 6,
    hour: 15,
    hours: 1,
    change: { topicsRecreated: 1 },
    alerts: ['HieraxTopicRecreated']
  },
  {
    title: 'somebody names a topic that does not exist',
    day: 6,
    hour: 17,
    hours: 3,
    change: { misnamed: true },
    alerts: ['HieraxInputTopicMissing']
  },
  {
    title: 'a producer without a clock',
    day: 10,
    hour: 4,
    hours: 5,
    change: { invalidTimestamps: 100 },
    alerts: ['HieraxTimestampsInvalid']
  },
  {
    title: 'one packet in five is damaged',
    day: 7,
    hour: 4,
    hours: 2,
    change: { unreadable: 0.2 },
    alerts: ['HieraxDeadLetters']
  },
  {
    title: 'one point in five is impossible',
    day: 7,
    hour: 9,
    hours: 2,
    change: { invalidPoints: 0.2 },
    alerts: ['HieraxPointsDropped']
  },
  {
    title: 'every alert is BOGUS',
    day: 8,
    hour: 4,
    hours: 4,
    change: { bogus: 1 },
    alerts: ['HieraxNothingClassified', 'HieraxOneReason']
  },
  {
    title: 'one class dominates',
    day: 9,
    hour: 3,
    hours: 10,
    change: { classes: { 'SN Ia': 1 } },
    alerts: ['HieraxOneClass', 'HieraxClassMixChanged']
  },
  {
    title: 'light curves are unlike the training set',
    day: 10,
    hour: 3,
    hours: 10,
    change: { unfamiliar: 0.9 },
    alerts: ['HieraxInputUnfamiliar']
  },
  {
    title: 'alerts come eight hours late',
    day: 11,
    hour: 3,
    hours: 6,
    change: { ageHours: 8 },
    alerts: ['HieraxAlertsOld']
  },
  {
    title: 'records of the store are damaged',
    day: 11,
    hour: 11,
    hours: 1,
    change: { damagedRecords: 3 },
    alerts: ['HieraxStoreCorrupt']
  },
  {
    title: 'other files fill the disk',
    day: 11,
    hour: 16,
    hours: 6,
    change: { otherFiles: 8.45e11 },
    alerts: ['HieraxStoreFilling', 'HieraxDiskFullSoon']
  },
  { title: 'no alert any more', day: 12, hour: 0, hours: 135, change: { alertsPerHour: 0 }, alerts: ['HieraxNoAlerts'] }
]

/** Longest time after a failure at which its alerts end: rules look back for as long. */
const memory = 26 * hour

describe('alerts of a month', { skip: prometheusSkip }, () => {
  test('every rule has a failure below, but for the watchdog', () => {
    const named = new Set(failures.flatMap(({ alerts = [] }) => alerts))
    assert.deepEqual(
      rules.map(({ alert }) => alert).filter(alert => !named.has(alert)),
      ['HieraxWatchdog']
    )
  })

  test('none in a normal one, with clouds, deploys, rebalances and midnights', async () => {
    const alerts = await alertsOf(30, usualEvents)
    const [watchdog, ...others] = alerts
    assert.deepEqual(others.map(described), [])
    const always = { alert: 'HieraxWatchdog', labels: {}, from: monthStart / 1000, to: (monthStart + 30 * day) / 1000 }
    assert.deepEqual(watchdog, always)
  })

  test('each failure of the process, the flow, the science and the store raises its own, and no other', async () => {
    const alerts = await alertsOf(18, failures)
    const expected = failures.flatMap(({ title, alerts = [] }) => alerts.map(alert => `${title}: ${alert}`))
    const found = alerts.slice(1).map(firing => {
      const cause = failures.findLast(
        failure =>
          failure.alerts?.includes(firing.alert) &&
          firing.from * 1000 >= startOf(failure) &&
          firing.from * 1000 < endOf(failure) + memory
      )
      return cause ? `${cause.title}: ${firing.alert}` : described(firing)
    })
    assert.deepEqual([...new Set(found)].sort(), expected.sort())
  })
})

function described({ alert, labels, from, to }: Firing): string {
  const when = (seconds: number) => new Date(seconds * 1000).toISOString()
  return `${alert} ${JSON.stringify(labels)} ${when(from)} to ${when(to)}`
}
