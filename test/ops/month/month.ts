import { mock } from 'node:test'
import { TopicDiscovery } from '../../../src/streams/kafka/consumer/topics/topics.ts'
import { silent } from '../../support/loggers.ts'
import { type Conditions, conditionsAt, type Episode, endOf, hour, isNight, monthStart, startOf } from './conditions.ts'
import { Member, type Partition } from './member.ts'
import { Survey } from './survey.ts'

const instances = ['a:8080', 'b:8080']
const partitionsOfTopic = 4
const minute = 60_000
const bytesPerAlert = 500_000
const diskBytes = 1e12

/**
 * Runs two processes of the service through some days on a simulated clock, and yields what Prometheus would have scraped: samples
 * with times, in OpenMetrics' format. Scrapes are a minute apart where much
 * changes, else up to a quarter of an hour.
 */
export async function* scrapes(
  days: number,
  episodes: readonly Episode[],
  names: ReadonlySet<string>
): AsyncGenerator<string> {
  mock.timers.enable({ apis: ['Date'], now: monthStart })
  try {
    const group = new Group(episodes)
    for (let time = monthStart; time < monthStart + days * 24 * hour; ) {
      mock.timers.setTime(time)
      const step = stepAt(time, episodes)
      await group.advance(step)
      yield group.pages(names)
      time += step
    }
  } finally {
    mock.timers.reset()
  }
  yield '# EOF\n'
}

function stepAt(time: number, episodes: readonly Episode[]): number {
  const near = episodes.filter(episode => time >= startOf(episode) - hour / 2 && time < endOf(episode) + hour / 2)
  const nightBegins = isNight(time) && !isNight(time - hour / 4)
  if (nightBegins || near.some(({ hours }) => hours <= 1)) return minute
  return (near.some(({ hours }) => hours < 10) ? 5 : 15) * minute
}

/** The consumer group, its topics and its processes. */
class Group {
  readonly #episodes: readonly Episode[]
  readonly #survey: Survey
  readonly #topics = new Map<string, Partition[]>()
  readonly #discovery: TopicDiscovery
  readonly #misnamed: TopicDiscovery
  readonly #members = new Map<string, Member>()
  #partitions: Partition[] = []
  #conditions: Conditions
  #stored = 200_000
  #owners = ''
  /** Fractions of alerts and events that are not whole yet. */
  readonly #fractions = new Map<string, number>()

  constructor(episodes: readonly Episode[]) {
    this.#episodes = episodes
    this.#conditions = conditionsAt(Date.now(), episodes)
    this.#survey = new Survey(this.#conditions)
    const states = async (names: readonly string[]) =>
      new Map(names.map(name => [name, this.#topics.has(name) ? ('present' as const) : ('absent' as const)]))
    const cluster = { topicStates: states, topicNames: async () => [...this.#topics.keys()] }
    const discoveryOf = (topics: 'nightly' | string[]) =>
      new TopicDiscovery({ topics, programs: [1], nightsBack: 2, clock: Date }, cluster, silent)
    this.#discovery = discoveryOf('nightly')
    this.#misnamed = discoveryOf(['ztf-alerts'])
  }

  /** The time up to now has passed, `step` ms. */
  async advance(step: number): Promise<void> {
    const conditions = conditionsAt(Date.now(), this.#episodes)
    this.#conditions = this.#survey.conditions = conditions
    const hours = step / hour
    this.#restart(hours)
    this.#send(hours)
    const discovery = conditions.misnamed ? this.#misnamed : this.#discovery
    this.#partitions = (await discovery.refresh()).flatMap(topic => this.#topics.get(topic) ?? [])
    this.#countEvents(hours)
    if (conditions.backlogSkipped) for (const partition of this.#partitions) partition.next = partition.end
    const owners = this.#partitions.map(partition => this.#ownerOf(partition)?.instance ?? '').join()
    const rebalanced = owners !== this.#owners
    this.#owners = owners
    for (const member of this.#members.values()) {
      const owned = this.#partitions.filter(partition => this.#ownerOf(partition) === member)
      if (rebalanced) member.metrics.increment('rebalances_total')
      const before = sum(owned)
      // A rebalance pauses all members.
      if (!rebalanced) await member.consume(owned, conditions, hours)
      this.#stored += before - sum(owned)
      member.report(this.#partitions, owned, conditions)
      for (const [state, count] of Object.entries(discovery.counts()))
        member.metrics.set('input_topics', count, { state })
      const bytes = this.#stored * bytesPerAlert
      const freeBytes = diskBytes - bytes - conditions.otherFiles
      member.metrics.store({ objects: this.#stored, bytes, freeBytes })
    }
  }

  /** What a scrape of all processes gives now. */
  async pages(names: ReadonlySet<string>): Promise<string> {
    if (!this.#conditions.scraped) return ''
    const now = Date.now()
    const pages: string[] = []
    for (const instance of instances) {
      const member = this.#members.get(instance)
      pages.push(`up{job="hierax",instance="${instance}"} ${member ? 1 : 0} ${now / 1000}\n`)
      if (instance === instances[0]) mock.timers.setTime(now + this.#conditions.clockOff * 1000)
      if (member) pages.push(`${await member.page(names, now / 1000)}\n`)
      mock.timers.setTime(now)
    }
    return pages.join('')
  }

  /** Processes end and begin. */
  #restart(hours: number): void {
    const { down, starts } = this.#conditions
    if (this.#whole('starts', starts * hours) > 0) this.#members.delete(instances[0]!)
    for (const instance of instances) {
      if (down.includes(instance)) this.#members.delete(instance)
      else if (!this.#members.has(instance)) this.#members.set(instance, new Member(instance, this.#survey))
    }
  }

  /** The survey sends alerts to the topic of the night. */
  #send(hours: number): void {
    const count = this.#whole('alerts', this.#conditions.alertsPerHour * hours)
    if (count === 0) return
    const topic = `ztf_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}_programid1`
    const empty = () => Array.from({ length: partitionsOfTopic }, (_, number) => ({ topic, number, end: 0, next: 0 }))
    const partitions = this.#topics.get(topic) ?? empty()
    this.#topics.set(topic, partitions)
    for (const partition of partitions) partition.end += Math.ceil((count - partition.number) / partitionsOfTopic)
  }

  #countEvents(hours: number): void {
    const { workerEnds, consumerEnds, damagedRecords, expired, topicsRecreated, invalidTimestamps, refusals } =
      this.#conditions
    const metrics = this.#members.get(instances[0]!)?.metrics
    const topic = this.#partitions[0]?.topic
    if (!metrics) return
    metrics.increment('worker_restarts_total', this.#whole('workers', workerEnds * hours))
    metrics.increment('consumer_restarts_total', this.#whole('consumers', consumerEnds * hours))
    metrics.increment('store_corrupt_total', this.#whole('records', damagedRecords * hours))
    metrics.increment('topics_recreated_total', this.#whole('topics', topicsRecreated * hours))
    metrics.increment('invalid_timestamps_total', this.#whole('timestamps', invalidTimestamps * hours))
    const refused = { cluster: 'input', reason: 'credentials' }
    metrics.increment('kafka_refusals_total', this.#whole('refusals', refusals * hours), refused)
    const lost = this.#whole('expired', expired * hours)
    if (topic && lost > 0) metrics.expired(topic, lost)
  }

  #ownerOf({ number }: Partition): Member | undefined {
    const { unread, owner } = this.#conditions
    if (unread.includes(number)) return undefined
    if (owner !== null) return this.#members.get(owner)
    const running = [...this.#members.values()].sort((a, b) => a.instance.localeCompare(b.instance))
    return running[number % running.length]
  }

  /** Adds to a count that is not whole yet, and takes its whole part. */
  #whole(name: string, amount: number): number {
    const total = (this.#fractions.get(name) ?? 0) + amount
    const whole = Math.floor(total + 1e-9)
    this.#fractions.set(name, total - whole)
    return whole
  }
}

function sum(partitions: readonly Partition[]): number {
  return partitions.reduce((total, { end, next }) => total + end - next, 0)
}
