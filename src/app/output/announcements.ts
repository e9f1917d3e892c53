import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { classificationTopics } from '../../config/rules.ts'
import { HieraxError } from '../../errors.ts'
import {
  type Announcement,
  announcementKey,
  announcementSchemaName,
  readAnnouncement
} from '../../messages/announcement.ts'
import { type Provenance, provenanceOf } from '../../messages/classification.ts'
import { ensureTopic, withAdmin } from '../../streams/kafka/client/admin.ts'
import { createKafka, retries } from '../../streams/kafka/client/client.ts'
import { debugOnly, kafkaError } from '../../streams/kafka/client/connection.ts'
import { withTimeout } from '../../streams/kafka/client/timing.ts'
import { followTopic, type TailedMessage } from '../../streams/kafka/consumer/tail.ts'
import { KafkaSink } from '../../streams/kafka/producer/sink.ts'
import type { OutputMessage } from '../../streams/types.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { compacted, outputConnection } from './output.ts'

/** Time between two announcements of a model in use, ms. */
const announceEvery = 60_000

/** A model is retired after a process has made this many announcements since the last one of that model. */
const maxSilence = 10

/** Time for an announcement to be acknowledged, ms. */
const sendTimeout = 30_000

/** Time for closing the connections, ms. The process may end without it. */
const stopTimeout = 1000

/**
 * What one process knows about the models on its topics, and what it announces. Every process announces its models at regular intervals. It
 * retires a model that it does not have when it has read ten of its own announcements since the last one of that model by any process.
 * So a model is never retired while a process with an older configuration still runs. Clocks of different machines are not compared,
 * and nothing is counted while the cluster is unreachable.
 */
export class ModelAnnouncements {
  readonly #models: readonly Provenance[]
  readonly #topics: readonly string[]
  readonly #process = randomUUID()
  readonly #known = new Map<string, Announcement>()
  /** Own announcements since the last one of a model that this process does not have. */
  readonly #silence = new Map<string, number>()

  constructor(models: readonly Provenance[], topics: readonly string[]) {
    this.#models = models
    this.#topics = topics
  }

  /** Processes an announcement that was read. Returns the announcements that must follow. */
  heard(announcement: Announcement, now: Date): Announcement[] {
    const { sha256, status, topics, process } = announcement
    if (topics[0] !== this.#topics[0]) return []
    this.#known.set(sha256, announcement)
    if (this.#isOwn(sha256)) {
      // This process was suspended or cut off for so long that another one retired its model.
      if (status === 'retired') return this.active(now)
      if (process === this.#process && sha256 === this.#models[0]?.sha256) return this.#retire(now)
    } else this.#silence.set(sha256, 0)
    return []
  }

  /** Announcements of the models in use. */
  active(now: Date): Announcement[] {
    return this.#models.map(model => {
      const before = this.#known.get(model.sha256)
      const since = before?.status === 'active' ? before.since : now.toISOString()
      return this.#announce(model, { status: 'active', since, successor: null, topics: this.#topics }, now)
    })
  }

  #retire(now: Date): Announcement[] {
    const retired: Announcement[] = []
    for (const known of this.#known.values()) {
      if (known.status === 'retired' || this.#isOwn(known.sha256)) continue
      const silence = (this.#silence.get(known.sha256) ?? 0) + 1
      this.#silence.set(known.sha256, silence)
      if (silence < maxSilence) continue
      const successor = provenanceOf(this.#successorOf(known))
      const { topics } = known
      retired.push(this.#announce(known, { status: 'retired', since: now.toISOString(), successor, topics }, now))
    }
    return retired
  }

  #announce(
    model: Provenance,
    said: Pick<Announcement, 'status' | 'since' | 'successor' | 'topics'>,
    now: Date
  ): Announcement {
    const { status, since, successor, topics } = said
    const announced = now.toISOString()
    return { ...provenanceOf(model), status, since, announced, successor, topics, process: this.#process }
  }

  /** The model of the same name, else one of the same taxonomy, else the first one. */
  #successorOf({ name, taxonomy }: Provenance): Provenance {
    const [first] = this.#models
    return (this.#models.find(model => model.name === name) ??
      this.#models.find(model => model.taxonomy === taxonomy) ??
      first) as Provenance
  }

  #isOwn(sha256: string): boolean {
    return this.#models.some(model => model.sha256 === sha256)
  }
}

/** What announces models while a service runs. */
export interface Announcer {
  stop(): Promise<void>
}

/**
 * Announces the models of a service on `output.models` until it is stopped. If that topic or a permission is missing, the service still
 * works: the reason is logged, and the announcement is retried.
 *
 * @param pause time between two announcements, ms
 */
export function announceModels(
  { output }: Pick<Config, 'output'>,
  models: readonly Provenance[],
  logger: Logger,
  pause = announceEvery
): Announcer | null {
  const { models: topic, brokers } = output
  if (topic === null || brokers === null) return null
  const stopping = new AbortController()
  const running = keepAnnouncing({ ...output, brokers, models: topic }, models, {
    logger,
    pause,
    stopping: stopping.signal
  })
  return {
    async stop() {
      stopping.abort()
      await withTimeout(running, stopTimeout).catch(() => undefined)
    }
  }
}

type Output = Config['output'] & { readonly models: string; readonly brokers: readonly string[] }
interface How {
  readonly logger: Logger
  readonly pause: number
  readonly stopping: AbortSignal
}

async function keepAnnouncing(output: Output, models: readonly Provenance[], how: How): Promise<void> {
  const { logger, pause, stopping } = how
  let logged = ''
  while (!stopping.aborted) {
    try {
      await announce(output, models, how)
    } catch (thrown) {
      if (stopping.aborted) return
      const { code, message } = kafkaError(thrown, output)
      const line = { topic: output.models, code, reason: message }
      if (message === logged) logger.debug(line, 'models cannot be announced')
      else logger.warn(line, 'models cannot be announced; subscribers do not learn when one is retired')
      logged = message
    }
    await sleep(pause, undefined, { signal: stopping }).catch(() => {})
  }
}

/** Announces until the signal is aborted. Rejects when it cannot continue. */
async function announce(output: Output, models: readonly Provenance[], how: How): Promise<void> {
  const { logger, pause, stopping } = how
  const connection = outputConnection({ output })
  const { models: topic, replication } = output
  const quiet = debugOnly(logger)
  const spec = { topic, partitions: 1, settings: compacted, ...(replication === null ? {} : { replication }) }
  await withAdmin(createKafka(connection, quiet, retries.interactive), admin => ensureTopic(admin, spec))

  const announcements = new ModelAnnouncements(models, classificationTopics(output))
  const failed = new AbortController()
  const signal = AbortSignal.any([stopping, failed.signal])
  const sink = new KafkaSink({ connection, logger: quiet, compression: output.compression })
  const send = async (said: readonly Announcement[]): Promise<void> => {
    if (said.length === 0) return
    await sink.send(
      said.map(one => messageOf(topic, one)),
      AbortSignal.any([signal, AbortSignal.timeout(sendTimeout)])
    )
    for (const { status, name, version, sha256, successor } of said) {
      if (status === 'retired') logger.info({ name, version, sha256, successor: successor?.version }, 'model retired')
    }
  }
  let next = 0n
  const take = (answered: boolean) => async (messages: readonly TailedMessage[]) => {
    for (const { value, source } of messages) {
      const offset = BigInt(source.slice(source.lastIndexOf('/') + 1))
      const announcement = offset < next ? null : readAnnouncement(value)
      if (offset >= next) next = offset + 1n
      const said = announcement ? announcements.heard(announcement, new Date()) : []
      if (answered) await send(said)
    }
  }
  try {
    // The first announcements are based on the earlier ones.
    const follow = { connection, topic, groupPrefix: output.groupPrefix, from: 'earliest', signal } as const
    await followTopic({ ...follow, untilEnd: true }, take(false))
    const following = followTopic({ ...follow, untilEnd: false }, take(true)).finally(() => failed.abort())
    following.catch(() => {})
    while (!signal.aborted) {
      await send(announcements.active(new Date()))
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
    await following
    if (!stopping.aborted) throw new HieraxError('KAFKA_UNAVAILABLE', `${topic} is not read any more`)
  } finally {
    failed.abort()
    await sink.close()
  }
}

/**
 * The last announcement of every model that ever wrote `output.classifications`, by the model's SHA-256; empty without `output.models`, or
 * before that topic exists. Rejects with KAFKA_UNAVAILABLE.
 */
export async function announcedModels(
  { output }: Pick<Config, 'output'>,
  signal: AbortSignal
): Promise<Map<string, Announcement>> {
  const { models: topic, classifications, groupPrefix } = output
  const known = new Map<string, Announcement>()
  if (topic === null) return known
  const follow = { connection: outputConnection({ output }), topic, groupPrefix, from: 'earliest', signal } as const
  try {
    await followTopic({ ...follow, untilEnd: true }, async messages => {
      for (const { value } of messages) {
        const announcement = readAnnouncement(value)
        if (announcement?.topics[0] === classifications) known.set(announcement.sha256, announcement)
      }
    })
  } catch (error) {
    if ((error as HieraxError).code !== 'TOPIC_NOT_FOUND') throw error
  }
  signal.throwIfAborted()
  return known
}

function messageOf(topic: string, announcement: Announcement): OutputMessage {
  return {
    topic,
    key: announcementKey(announcement),
    value: Buffer.from(JSON.stringify(announcement)),
    headers: { schema: announcementSchemaName }
  }
}
