import { admissionOf } from '../alerts/admission.ts'
import { createDecoder } from '../alerts/decoder.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { HieraxError } from '../errors.ts'
import { type CutoutStore, maxCutoutBytes } from '../lightcurves/cutouts.ts'
import type { OpenStore } from '../lightcurves/store.ts'
import type { Classification } from '../messages/classification.ts'
import type { DescTopic } from '../messages/desc.ts'
import { encodeClassification } from '../messages/encoding.ts'
import type { Route } from '../messages/routes.ts'
import type { BatchStats } from '../pipeline/batch-stats.ts'
import type { ShadowResult } from '../pipeline/shadows.ts'
import { Pipeline, type PipelineOptions } from '../pipeline.ts'
import type { ServicePorts } from '../service/ports.ts'
import { GatheredLog } from '../telemetry/gathered-log.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { Health } from './health.ts'
import { outputSettings } from './output/output.ts'
import { readSchema } from './schema.ts'
import { runShadows } from './shadows.ts'
import { kafkaStreams, type StreamsFactory } from './streams.ts'
import { WorkerSupervisor } from './workers/supervisor.ts'

/** Dependencies of an engine from outside the service. */
export interface EngineDeps {
  readonly logger: Logger
  /** Input and output; Kafka by default, in worker processes if `workers` is above 1. */
  readonly connect?: StreamsFactory
  /** Decodes packets; ZTF packets by default. */
  readonly decode?: PipelineOptions['decode']
}

/** Turns alerts into classifications: by the pipeline in this process, or in worker processes. */
export interface Engine extends Pick<ServicePorts, 'readiness' | 'liveness'> {
  run(): Promise<void>
  stop(): Promise<void>
}

/** Pause between two log lines on dead letters, ms. */
const deadLetterPause = 10_000

/** Parts that an engine is built from. */
export interface EngineParts {
  readonly config: Config
  readonly deps: EngineDeps
  readonly store: OpenStore
  readonly cutouts: CutoutStore | null
  readonly classifiers: readonly Classifier[]
  readonly metrics: Metrics
  readonly routes: readonly Route[]
  readonly desc: DescTopic | null
  readonly onClassifications: NonNullable<PipelineOptions['onClassifications']>
  readonly shadowModels: readonly Classifier[]
  readonly onShadow: (result: ShadowResult) => void
}

/** The pipeline in this process; or pipelines in workers, if `workers` is above 1 and the streams are Kafka's. */
export function createEngine(parts: EngineParts): Engine {
  return parts.config.workers > 1 && !parts.deps.connect ? workerEngine(parts) : pipelineEngine(parts)
}

/** The pipeline in this process, between its streams. */
function pipelineEngine(parts: EngineParts): Engine {
  const { config, deps, store, cutouts, classifiers, metrics, routes, desc, onClassifications } = parts
  const { logger, connect = kafkaStreams, decode = decoderOf(config, cutouts !== null) } = deps
  const streams = connect(config, { logger, metrics, onLag: (...lag) => health.lag(...lag) })
  const health = new Health({ streams, store })
  const logDeadLetters = deadLetterLog(logger)
  const shadows = runShadows(parts.shadowModels, { ...parts, logger, onResult: parts.onShadow })
  const pipeline = new Pipeline({
    decode,
    store,
    journal: store.journal,
    group: config.input.group,
    classifiers,
    sink: streams.sink,
    admission: admissionOf(config),
    maxFutureDays: config.input.maxFutureDays,
    output: outputSettings(config, routes, desc, streams.schemaIds),
    onBatch(stats) {
      metrics.batch(stats)
      health.progressed()
      logDeadLetters(stats)
    },
    ...(cutouts ? { keepCutouts: keepingCutouts(cutouts, logger) } : {}),
    onClassifications,
    shadows
  })
  return {
    readiness: health.readiness,
    liveness: health.liveness,
    run: () => streams.run((batch, control) => health.track(() => pipeline.process(batch, control))),
    async stop() {
      health.stop()
      await streams.stop()
      await shadows?.stop()
    }
  }
}

/** Pipelines in worker processes. */
function workerEngine({ config, deps: { logger }, store, metrics, ...events }: EngineParts): Engine {
  const { onShadow } = events
  const onClassifications = (bodies: readonly Classification[]) =>
    events.onClassifications(
      bodies,
      bodies.map(body => encodeClassification(body, config.output.encoding))
    )
  const onRestart = () => metrics.increment('worker_restarts_total')
  const supervisor = new WorkerSupervisor({ config, logger, store, onClassifications, onShadow, onRestart })
  metrics.addWorkers(() => supervisor.metrics())
  return {
    readiness: () => supervisor.readiness(),
    liveness: () => supervisor.liveness(),
    run: () => supervisor.run(),
    stop: () => supervisor.stop()
  }
}

/** The decoder of packets for these settings. */
function decoderOf({ input }: Config, images: boolean): PipelineOptions['decode'] {
  const schema = input.schema === null ? null : readSchema(input.schema)
  return createDecoder({ schema, ...(images ? { maxCutoutBytes } : {}) }).decode
}

function deadLetterLog(logger: Logger): (stats: BatchStats) => void {
  const log = new GatheredLog<BatchStats['deadLetters'][number]>(deadLetterPause, (codes, { error, source }) => {
    const count = Object.values(codes).reduce((sum, of) => sum + of, 0)
    logger.warn({ count, codes, code: error.code, reason: error.message, source }, 'packets refused')
  })
  return ({ deadLetters }) => {
    for (const letter of deadLetters) log.add(letter.error.code, letter)
    log.write()
  }
}

/** Stores images. No output depends on them, so a failure is only logged, once until storing succeeds again. */
function keepingCutouts(cutouts: CutoutStore, logger: Logger): NonNullable<PipelineOptions['keepCutouts']> {
  let failing = false
  return async alerts => {
    try {
      await cutouts.put(alerts)
      failing = false
    } catch (thrown) {
      const { code, message } = HieraxError.from(thrown)
      if (!failing) logger.warn({ code, reason: message }, 'images of alerts are not kept')
      failing = true
    }
  }
}
