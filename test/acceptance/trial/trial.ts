import fs from 'node:fs'
import path from 'node:path'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import { canonicalAlert } from '../../../src/lightcurves/points/fingerprint.ts'
import type { TestKafka } from '../../support/brokers.ts'
import { ServiceProcess, temporaryFolder, total } from '../../support/service.ts'
import { patienceMs, until } from '../../support/until.ts'
import { type Figures, judge } from './judge.ts'
import { TrialLoad } from './load.ts'
import { Random } from './random.ts'
import type { Delivered, Delivery } from './recompute.ts'
import { trialRoutes } from './routes.ts'

/** Waits until a member has an assignment. */
export async function joined(member: ServiceProcess): Promise<void> {
  await member.until('its assignment', async () => total(await member.metrics(), 'hierax_rebalances_total') > 0)
}

export interface TrialOptions {
  readonly input: TestKafka
  /** The output cluster; default: the input cluster. */
  readonly output?: TestKafka
  /** Approximate number of calls of `load.next`. */
  readonly parts: number
  /** Packets of simulated objects in a part. */
  readonly partSize?: number
  readonly replication?: number
  /** Whether the groups also have routes, which are then judged too. */
  readonly routes?: boolean
  /** Folder of the store; default: a temporary one. */
  readonly folder?: string
}

/** A topic that is read twice, by a disturbed group (`wild`) and by an undisturbed one (`calm`), and the comparison of their outputs. */
export class Trial {
  readonly random: Random
  readonly load: TrialLoad
  readonly topic: string
  readonly wild: string
  readonly #folder: string
  readonly #calmFolder = temporaryFolder()
  readonly #options: TrialOptions

  private constructor(options: TrialOptions, random: Random, load: TrialLoad, topic: string) {
    this.#options = options
    this.#folder = options.folder ?? temporaryFolder()
    this.random = random
    this.load = load
    this.topic = topic
    this.wild = `${topic}.wild`
  }

  /** `SEED` repeats a trial. */
  static async create(options: TrialOptions): Promise<Trial> {
    const random = new Random(Number(process.env.SEED ?? Date.now() % 100_000))
    const { load, topic } = await TrialLoad.create(options.input.tools, { random, ...options })
    return new Trial(options, random, load, topic)
  }

  /**
   * Starts a member of the disturbed group. As under any supervisor, it is restarted if it loses the store, which can happen
   * when another member is killed during a write.
   */
  member(changes: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    return ServiceProcess.start({ ...this.settings(this.wild), ...changes }, true)
  }

  settings(group: string): Record<string, string> {
    const { input, output = input, routes = false } = this.#options
    return {
      ...(routes ? { HIERAX_OUTPUT_ROUTES: trialRoutes(group).setting } : {}),
      HIERAX_INPUT_BROKERS: input.brokers.join(','),
      HIERAX_OUTPUT_BROKERS: output.brokers.join(','),
      HIERAX_INPUT_TOPICS: this.topic,
      HIERAX_INPUT_GROUP: group,
      HIERAX_OUTPUT_CLASSIFICATIONS: `${group}.out`,
      HIERAX_OUTPUT_DEAD_LETTERS: `${group}.dead`,
      HIERAX_OUTPUT_CURRENT: `${group}.current`,
      HIERAX_STORE_URL: `lmdb:${path.join(group === this.wild ? this.#folder : this.#calmFolder, group)}`
    }
  }

  /** Number of messages that a group has committed, and of those on the topic. */
  async progress(group = this.wild): Promise<{ committed: number; sent: number; byPartition: Map<number, number> }> {
    const { tools } = this.#options.input
    const admin = await tools.admin()
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [this.topic] })
    const byPartition = new Map((found?.partitions ?? []).map(p => [p.partition, Math.max(0, Number(p.offset))]))
    const committed = [...byPartition.values()].reduce((sum, offset) => sum + offset, 0)
    return { committed, sent: (await tools.offsets(this.topic)).total, byPartition }
  }

  /** Waits until the group has done everything. */
  async finished(group = this.wild): Promise<void> {
    await until(async () => {
      // The request may go to a broker that is down.
      const progress = await this.progress(group).catch(() => null)
      return progress !== null && progress.committed >= progress.sent
    }, 2 * patienceMs)
    await this.#checked(group)
  }

  /** Waits until every record on the topic of current classifications was checked: corrections are checked, too. */
  async #checked(group: string): Promise<void> {
    const { input, output = input } = this.#options
    const isChecked = () => output.tools.isRead(`${group}.current`, `${group}.current`).catch(() => false)
    await until(isChecked, 2 * patienceMs, () => `the check of ${group}.current`)
  }

  /** Lets an undisturbed service read everything, and compares the outputs. */
  async judge(): Promise<Figures> {
    const { input, output = input } = this.#options
    const calm = `${this.topic}.calm`
    const service = await ServiceProcess.start(this.settings(calm))
    await this.finished(calm)
    const code = await service.end()
    if (code !== 0) throw new Error(`The undisturbed service ended with ${code}:\n${service.log}`)
    const topicsOf = (group: string) => (this.#options.routes ? trialRoutes(group).topics : [])
    return judge(
      output.tools,
      await this.#delivery(),
      { group: this.wild, routes: topicsOf(this.wild) },
      { group: calm, routes: topicsOf(calm) }
    )
  }

  async #delivery(): Promise<Delivery> {
    const decoder = createDecoder()
    const alerts = new Set<string>()
    const versioned = new Set<string>()
    const recordOf = new Map<string, Buffer>()
    const refused = new Set<string>()
    const objects = new Map<string, Delivered[]>()
    let packets = 0
    await this.#options.input.tools.scan(
      this.topic,
      ({ partition, offset, value }) => {
        packets++
        try {
          for (const { objectId, record } of decoder.decode(value)) {
            const alert = `${objectId}/${record.candid}`
            alerts.add(alert)
            const bytes = canonicalAlert(record)
            if (!(recordOf.get(alert) ?? bytes).equals(bytes)) versioned.add(alert)
            recordOf.set(alert, bytes)
            const delivered = objects.get(objectId) ?? []
            if (delivered.at(-1)?.bytes !== value) delivered.push({ partition, bytes: value as Buffer })
            objects.set(objectId, delivered)
          }
        } catch {
          refused.add(`${this.topic}/${partition}/${offset}`)
        }
      },
      2 * patienceMs
    )
    return { alerts, versioned, refused, objects, packets }
  }

  close(): void {
    fs.rmSync(this.#calmFolder, { recursive: true, force: true })
    if (this.#options.folder === undefined) fs.rmSync(this.#folder, { recursive: true, force: true })
  }
}
