import { admissionOf } from '../alerts/admission.ts'
import { resolveDesc } from '../app/desc-classes.ts'
import { loadModels, readModels } from '../app/models.ts'
import { findSchemaIds, outputConnection, outputSettings, outputTopics } from '../app/output/output.ts'
import { resolveRoutes } from '../app/routes.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { HieraxError, nearest, printable } from '../errors.ts'
import { type Outcome, Reclassification, type Selection } from '../pipeline/reclassification.ts'
import { ensureTopics, withAdmin } from '../streams/kafka/client/admin.ts'
import { createKafka, retries } from '../streams/kafka/client/client.ts'
import { kafkaError, silentLogger } from '../streams/kafka/client/connection.ts'
import { KafkaSink } from '../streams/kafka/producer/sink.ts'
import { endSignal } from './end-signal.ts'
import { openNamed } from './store.ts'
import { type Progress, startProgress } from './terminal/progress.ts'

/** Options of `hierax reclassify` as commander gives them. */
export interface ReclassifyOptions {
  readonly store?: string
  readonly config?: string
  readonly model?: string[]
  readonly since?: number
  readonly node?: string
  readonly min?: number
  readonly rate?: number
  readonly dryRun?: true
  readonly restart?: true
}

/** Objects per second unless `--rate` or `--dry-run` is given. */
const defaultRate = 100

/** Pause between two lines on how far it is, ms. */
const reportEvery = 30_000

/** Runs `hierax reclassify`. */
export async function reclassify(objectIds: readonly string[], options: ReclassifyOptions): Promise<void> {
  const { node, min, dryRun = false } = options
  if (min !== undefined && node === undefined) throw new HieraxError('USAGE', '--min requires --node')
  const signal = endSignal(() => say('stopping'))
  // Read-only unless a route retracts: a process that is killed while it writes to LMDB could lose the store for `serve`.
  const { output } = loadConfig({ file: options.config, env: process.env })
  const readOnly = dryRun || !output.routes.some(({ retract }) => retract)
  const { config, store, url } = await openNamed(options, { readOnly, outlives: true })
  let sink: KafkaSink | null = null
  try {
    const models = await readModels(config)
    const { routes } = resolveRoutes(config.output.routes, models)
    const desc = resolveDesc(config.output.desc, models)
    if (node !== undefined)
      checkNode(
        node,
        models.flatMap(({ taxonomy }) => taxonomy.nodes.map(({ name }) => name))
      )
    const classifiers = await loadModels(config, models)
    if (!dryRun) sink = await openSink(config)
    const selection: Selection = {
      objectIds,
      since: options.since ?? null,
      least: node === undefined ? null : { node, probability: min ?? 0.5 }
    }
    const { objects: total } = await store.statistics()
    const progress = progressOf(objectIds.length > 0 ? new Set(objectIds).size : total)
    const reclassification = new Reclassification({
      store,
      journal: store.journal,
      classifiers,
      sink,
      admission: admissionOf(config),
      output: outputSettings(config, routes, desc, dryRun ? new Map() : await findSchemaIds(config.output)),
      selection,
      rate: options.rate ?? (dryRun ? 0 : defaultRate),
      total,
      ...(options.restart ? { restart: true } : {}),
      onProgress: progress.advance,
      onCorrupt: error => say(`left out: ${error.message}`)
    })
    const from = await reclassification.resume()
    if (from !== null) say(`resuming after ${from} (--restart begins with the first object)`)
    const outcome = await reclassification.run(signal).finally(progress.stop)
    process.stdout.write(summary(outcome, url, dryRun))
    if (!outcome.finished) process.stdout.write('interrupted: run the same command to go on\n')
    if (!outcome.finished || outcome.corrupt > 0) process.exitCode = 1
    for (const classifier of classifiers) classifier.dispose()
  } finally {
    await sink?.close()
    await store.close()
  }
}

/** Connects to the output cluster, and creates missing topics. Rejects with KAFKA_UNAVAILABLE and TOPIC_NOT_CREATED. */
async function openSink(config: Config): Promise<KafkaSink> {
  const connection = outputConnection(config)
  try {
    await withAdmin(createKafka(connection, silentLogger, retries.interactive), admin =>
      ensureTopics(admin, outputTopics(config), silentLogger)
    )
  } catch (error) {
    throw kafkaError(error, connection)
  }
  const warn = (fields: object, message: string): void => say(`${message} ${JSON.stringify(fields)}`)
  const { compression } = config.output
  return new KafkaSink({ connection, compression, logger: { ...silentLogger, warn, error: warn } })
}

function checkNode(node: string, names: readonly string[]): void {
  if (names.includes(node)) return
  const known = `no model has the node ${JSON.stringify(node)}. Did you mean ${nearest(node, names)}?`
  throw new HieraxError('USAGE', `--node: ${known}`)
}

/** A progress bar on a terminal; else a line on standard error from time to time. */
function progressOf(total: number): Progress {
  const bar = startProgress({ total, unit: 'objects' })
  let done = 0
  let reported = performance.now()
  return {
    stop: bar.stop,
    advance(count = 1) {
      bar.advance(count)
      done += count
      if (process.stderr.isTTY || performance.now() - reported < reportEvery) return
      reported = performance.now()
      say(`${done} of ${total} objects`)
    }
  }
}

function say(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}

/** What was done, in lines: numbers of objects, results by model, messages by topic. */
function summary({ messages, results, ...counts }: Outcome, url: string, dryRun: boolean): string {
  const { objects, reclassified, withoutAlert, corrupt, overtaken } = counts
  const notes = [
    ...(withoutAlert > 0 ? [`${withoutAlert} without an alert`] : []),
    ...(overtaken > 0 ? [`${overtaken} classified again because of a new alert`] : []),
    ...(corrupt > 0 ? [`${corrupt} corrupt`] : [])
  ]
  const byCount = (counted: ReadonlyMap<string, number>): string =>
    [...counted]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${printable(name)} ${count}`)
      .join(', ')
  return [
    `${url}: ${reclassified} of ${objects} objects ${dryRun ? 'would be ' : ''}reclassified${notes.map(note => `, ${note}`).join('')}`,
    ...[...results].map(([model, counted]) => `  by ${printable(model)}: ${byCount(counted)}`),
    ...(messages.size > 0 ? [`  messages: ${byCount(messages)}`] : []),
    ''
  ].join('\n')
}
