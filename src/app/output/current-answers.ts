import { setTimeout as sleep } from 'node:timers/promises'
import { admissionOf } from '../../alerts/admission.ts'
import type { Classifier } from '../../classifier/types.ts'
import type { Config } from '../../config/config.ts'
import type { Store } from '../../lightcurves/store.ts'
import { CurrentCheck, type CurrentRecord } from '../../pipeline/current-answers.ts'
import { ObjectClassifier } from '../../pipeline/object-classifier.ts'
import { ensureTopics, withAdmin } from '../../streams/kafka/client/admin.ts'
import { createKafka, retries } from '../../streams/kafka/client/client.ts'
import { debugOnly, kafkaError } from '../../streams/kafka/client/connection.ts'
import { withTimeout } from '../../streams/kafka/client/timing.ts'
import { KafkaSource } from '../../streams/kafka/consumer/source.ts'
import { followTopic } from '../../streams/kafka/consumer/tail.ts'
import { watchCompaction } from '../../streams/kafka/producer/compaction.ts'
import { KafkaSink } from '../../streams/kafka/producer/sink.ts'
import type { OutputMessage } from '../../streams/types.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { announcedModels } from './announcements.ts'
import { findSchemaIds, outputConnection, outputSettings, outputTopics } from './output.ts'

/** What checks `output.current` while a service runs. */
export interface CurrentKeeper {
  /** Removes keys of objects that the store does not hold any more and of models that were retired a day ago, at most once a day. */
  removeOld(): Promise<void>
  /** A fault of the topic that does not stop the service, for readiness; null if none is known. */
  hint(): string | null
  stop(): Promise<void>
}

export interface CurrentKeeperDeps {
  readonly store: Store
  readonly classifiers: readonly Classifier[]
  readonly metrics: Pick<Metrics, 'increment'>
  readonly logger: Logger
}

/** Least time between two removals of old keys, ms: each reads the whole topic. */
const removalPause = 86_400_000

/** How long records of a retired model are kept, ms. Meanwhile, its successor can classify the objects, or the model can be used again. */
const retiredStay = 86_400_000

/** Pause before the next attempt, ms. */
const retryPause = 10_000

/** Time for closing, ms. */
const stopTimeout = 5000

/**
 * Checks the records of `output.current` after they were written, and corrects them (`CurrentCheck`), until it is stopped. The processes of
 * a service share this work as members of the consumer group `GROUP.current`. Without the permissions, the service still
 * works: the reason is logged, and the check is retried. Null if there is no such topic.
 */
export function keepCurrent(config: Config, deps: CurrentKeeperDeps): CurrentKeeper | null {
  const { current } = config.output
  if (current === null || config.output.brokers === null) return null
  const connection = outputConnection(config)
  const { logger, metrics } = deps
  const quiet = debugOnly(logger)
  const stopping = new AbortController()
  const sink = new KafkaSink({ connection, logger: quiet, compression: config.output.compression })
  const hint = watchCompaction({ connection, topic: current, logger, signal: stopping.signal })
  let removedAt = Number.NEGATIVE_INFINITY

  const send = async (messages: readonly OutputMessage[], signal: AbortSignal): Promise<void> => {
    await sink.send(messages, AbortSignal.any([signal, stopping.signal]))
    metrics.increment('current_corrections_total', messages.length)
  }

  /** Resolves when the topic can be checked. */
  const prepared = async (): Promise<CurrentCheck> => {
    const topics = outputTopics(config).filter(({ topic }) => topic === current)
    await withAdmin(createKafka(connection, quiet, retries.interactive), admin => ensureTopics(admin, topics, logger))
    const settings = outputSettings(config, [], null, await findSchemaIds(config.output))
    const { store, classifiers } = deps
    return new CurrentCheck({
      ...{ store, settings, current: { topic: current, group: config.input.group } },
      classifier: new ObjectClassifier({ store, classifiers, admission: admissionOf(config) }),
      models: classifiers.map(({ sha256 }) => sha256)
    })
  }

  const run = async (): Promise<void> => {
    const check = await prepared()
    const source = new KafkaSource({
      ...{ connection, logger: quiet, group: `${config.input.group}.current`, from: 'earliest', topics: [current] },
      programs: [],
      events: { onRebalance: () => check.forget() }
    })
    const end = (): void => void source.stop()
    stopping.signal.addEventListener('abort', end, { once: true })
    try {
      await source.run(async (batch, control) => {
        await check.correct(batch.map(recordOf), corrections => send(corrections, control.signal))
      })
    } finally {
      stopping.signal.removeEventListener('abort', end)
      await source.stop()
    }
  }

  const running = (async () => {
    let logged = ''
    while (!stopping.signal.aborted) {
      try {
        await run()
      } catch (thrown) {
        const { code, message } = kafkaError(thrown, connection)
        const line = { topic: current, code, reason: message }
        if (message === logged) logger.debug(line, 'current classifications are not checked')
        else logger.warn(line, 'current classifications are not checked; an old one may stay on the topic')
        logged = message
      }
      await sleep(retryPause, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()

  /** SHA-256 of models whose records must be removed; none without the permissions. */
  const retiredModels = async (): Promise<Set<string>> => {
    const announced = await announcedModels(config, stopping.signal).catch(thrown => {
      logger.debug({ topic: config.output.models, reason: kafkaError(thrown, connection).message }, 'models not known')
      return new Map<string, never>()
    })
    const before = Date.now() - retiredStay
    const retired = [...announced.values()].filter(
      ({ status, since, sha256 }) =>
        status === 'retired' && Date.parse(since) < before && !deps.classifiers.some(own => own.sha256 === sha256)
    )
    return new Set(retired.map(({ sha256 }) => sha256))
  }

  const remove = async (): Promise<void> => {
    const check = await prepared()
    const retired = await retiredModels()
    let removed = 0
    const { signal } = stopping
    const follow = { connection, topic: current, from: 'earliest', untilEnd: true, signal } as const
    await followTopic({ ...follow, groupPrefix: config.output.groupPrefix }, async messages => {
      const removals = await check.removals(messages.map(recordOf), retired)
      await send(removals, signal)
      removed += removals.length
    })
    if (removed > 0)
      logger.info({ topic: current, removed }, 'old records removed from the topic of current classifications')
  }

  return {
    hint,
    async removeOld() {
      if (performance.now() - removedAt < removalPause) return
      try {
        await remove()
        removedAt = performance.now()
      } catch (thrown) {
        if (stopping.signal.aborted) return
        const { code, message } = kafkaError(thrown, connection)
        logger.warn({ topic: current, code, reason: message }, 'old records could not be removed from the topic')
      }
    },
    async stop() {
      stopping.abort()
      await withTimeout(running, stopTimeout).catch(() => undefined)
      await sink.close()
    }
  }
}

function recordOf(message: {
  readonly key?: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: Readonly<Record<string, unknown>>
}): CurrentRecord {
  const { key = null, value, headers = {} } = message
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text)])
  return { key: key && Buffer.from(key).toString(), value, headers: Object.fromEntries(texts) }
}
