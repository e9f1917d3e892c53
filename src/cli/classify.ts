import { once } from 'node:events'
import fs from 'node:fs'
import type { Writable } from 'node:stream'
import { admissionOf } from '../alerts/admission.ts'
import type { Alert } from '../alerts/alert.ts'
import { createDecoder } from '../alerts/decoder.ts'
import { loadModels, readModels } from '../app/models.ts'
import { resolveRoutes } from '../app/routes.ts'
import { readSchema } from '../app/schema.ts'
import { loadConfig } from '../config/load.ts'
import { describeError, type ErrorCode, HieraxError } from '../errors.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import { Pipeline, type PipelineOptions } from '../pipeline.ts'
import { textNote } from '../streams/file-packet.ts'
import { type FilePackets, isPacketFile, openPackets } from '../streams/files.ts'
import type { InputMessage, OutputMessage, Sink } from '../streams/types.ts'
import { checkOutputs, named, storeFolder } from './outputs.ts'
import { startProgress } from './terminal/progress.ts'

/** Options of `hierax classify` as commander gives them. */
export interface ClassifyOptions {
  readonly store: string
  readonly deadLetters?: string
  readonly order: 'arrival' | 'time'
  readonly config?: string
  readonly model?: string[]
  readonly population?: string
  readonly programs?: string[]
  readonly schema?: string
}

/** The survey's programmes. */
const surveyPrograms = { 0: 'engineering', 1: 'public', 2: 'partnership', 3: 'Caltech' }

/** Bounds of a batch. */
const batchMessages = 256
const batchBytes = 16 * 1024 * 1024

/** Runs `hierax classify`. */
export async function classify(paths: readonly string[], options: ClassifyOptions): Promise<void> {
  const { model, population, programs, store: url } = options
  const unknown = programs?.find(program => /^\d+$/.test(program) && !Object.hasOwn(surveyPrograms, Number(program)))
  if (unknown !== undefined) {
    const known = Object.entries(surveyPrograms).map(([program, name]) => `${program} (${name})`)
    throw new HieraxError('USAGE', `--programs: ZTF has no programme ${unknown}; it has ${known.join(', ')}`)
  }
  const overrides = {
    model,
    population,
    'input.programs': programs,
    'input.schema': options.schema,
    'store.url': url
  }
  const config = loadConfig({ file: options.config, env: process.env, overrides })
  checkOutputs(named('--dead-letters', options.deadLetters), [
    ...named('the input', paths).map(each => ({ ...each, reads: isPacketFile })),
    ...named('the configuration', options.config),
    ...named('the schema', config.input.schema),
    ...named('the model', config.model),
    ...storeFolder('the store', config.store.url)
  ])
  const packets = await openPackets(paths)
  const deadLetters = deadLetterWriter(options.deadLetters)
  const models = await readModels(config)
  resolveRoutes(config.output.routes, models)
  const classifiers = await loadModels(config, models)
  const store = await openStore(config.store.url, { programs: admissionOf(config).programs })
  const progress = startProgress({ total: packets.total, unit: 'packets' })
  const refused = new Map<ErrorCode, number>()
  const textNotes: string[] = []
  let invalidPoints = 0
  try {
    const arriving = inOrder(packets, config.input.schema, note => textNotes.push(note))
    const reading = options.order === 'time' ? await sortedByTime(arriving) : arriving
    const pipeline = new Pipeline({
      decode: reading.decode,
      store,
      classifiers,
      sink: lineSink(config.output.deadLetters, deadLetters),
      admission: admissionOf(config),
      output: { ...config.output, encoding: 'json', routes: [], current: null, desc: null },
      onBatch({ deadLetters, droppedPoints }) {
        invalidPoints += droppedPoints.invalid
        for (const { error } of deadLetters) {
          refused.set(error.code, (refused.get(error.code) ?? 0) + 1)
          if (!leftOut.includes(error.code)) continue
          process.stderr.write(`${describeError(error)}\n`)
          process.exitCode = 1
        }
      }
    })
    for await (const batch of batches(reading.messages)) {
      await pipeline.process(batch)
      progress.advance(batch.length)
    }
  } finally {
    progress.stop()
    await deadLetters.close()
    await store.close()
    for (const classifier of classifiers) classifier.dispose()
  }
  reportRefused(refused)
  if (textNotes.length > 0) process.stderr.write(`hierax: ${textNotes[0]}\n`)
  if (invalidPoints > 0) {
    process.stderr.write(
      `hierax: points of histories left out, because their values are not photometry: ${invalidPoints}\n`
    )
  }
}

/** Errors of files that were not read to their end: the exit code says so. */
const leftOut: readonly ErrorCode[] = ['FILE_UNREADABLE', 'FILE_TOO_LARGE', 'ARCHIVE_INVALID']

/** Says on standard error how many packets were refused, by code. */
function reportRefused(counts: ReadonlyMap<ErrorCode, number>): void {
  if (counts.size === 0) return
  const byCode = [...counts].map(([code, count]) => `${code} ${count}`).join(', ')
  process.stderr.write(`hierax: refused: ${byCode}\n`)
}

/** Packets as messages, and how to decode them. */
interface Reading {
  readonly messages: Iterable<InputMessage> | AsyncIterable<InputMessage>
  readonly decode: PipelineOptions['decode']
}

/**
 * Packets that are decoded already, by the token that replaces their bytes in a message: their alerts, or the error. Entries live as
 * long as their token, because the pipeline decodes a message twice after a failure.
 */
type Known = WeakMap<Uint8Array, readonly Alert[] | HieraxError>

/** The packets in the order of the files. One that can't be read from disk becomes a dead letter at its place. */
function inOrder(packets: FilePackets, schemaFile: string | null, onText: (note: string) => void): Reading {
  const decoder = createDecoder({ schema: schemaFile === null ? null : readSchema(schemaFile) })
  const unreadable: Known = new WeakMap()
  async function* messages(): AsyncGenerator<InputMessage> {
    for await (const { path, bytes, key, error } of packets) {
      const value = bytes ?? new Uint8Array()
      if (error) unreadable.set(value, error)
      const note = key === null && schemaFile === null ? textNote(path, value) : null
      if (note !== null) onText(note)
      yield { topic: 'files', source: path, value, key, ingested: Date.now() }
    }
  }
  return { messages: messages(), decode: (bytes, key) => lookUp(unreadable, bytes) ?? decoder.decode(bytes, key) }
}

/**
 * The alerts of all packets, sorted by time. They are decoded first (an alert without its images is a tenth of its packet),
 * and passed to the pipeline as tokens.
 */
async function sortedByTime({ messages, decode }: Reading): Promise<Reading> {
  const found: { message: InputMessage; jd: number }[] = []
  const known: Known = new WeakMap()
  const add = (message: InputMessage, jd: number, what: readonly Alert[] | HieraxError): void => {
    const value = new Uint8Array()
    found.push({ message: { ...message, value }, jd })
    known.set(value, what)
  }
  for await (const message of messages) {
    try {
      for (const alert of decode(message.value, message.key)) add(message, alert.record.jd, [alert])
    } catch (thrown) {
      add(message, Number.NEGATIVE_INFINITY, HieraxError.from(thrown, 'DECODE_FAILED'))
    }
  }
  found.sort((a, b) => (a.jd < b.jd ? -1 : a.jd > b.jd ? 1 : 0)).reverse()
  // Alerts are released as they are taken: those of an archive fill memory.
  function* oldestFirst(): Generator<InputMessage> {
    for (let next = found.pop(); next; next = found.pop()) yield next.message
  }
  return { messages: oldestFirst(), decode: token => lookUp(known, token) ?? [] }
}

/** The alerts of a token; throws its error. */
function lookUp(known: Known, token: Uint8Array | null): readonly Alert[] | undefined {
  const what = token === null ? undefined : known.get(token)
  if (what instanceof HieraxError) throw what
  return what
}

async function* batches(
  messages: Iterable<InputMessage> | AsyncIterable<InputMessage>
): AsyncGenerator<InputMessage[]> {
  let batch: InputMessage[] = []
  let bytes = 0
  for await (const message of messages) {
    batch.push(message)
    bytes += message.value?.length ?? 0
    if (batch.length < batchMessages && bytes < batchBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** Classifications as lines on standard output, dead letters as lines elsewhere. */
function lineSink(deadLetterTopic: string, deadLetters: DeadLetterWriter): Sink {
  return {
    async send(messages) {
      const lines: string[] = []
      for (const message of messages) {
        if (message.topic === deadLetterTopic) deadLetters.write(message)
        else lines.push(`${Buffer.from(message.value).toString()}\n`)
      }
      if (lines.length > 0 && !process.stdout.write(lines.join(''))) await once(process.stdout, 'drain')
    },
    async close() {}
  }
}

interface DeadLetterWriter {
  write(message: OutputMessage): void
  close(): Promise<void>
}

/** Dead letters as JSON lines: path and error, flat under the names of Kafka's headers and nested for tools like jq. */
function deadLetterWriter(file: string | undefined): DeadLetterWriter {
  let output: Writable = process.stderr
  let failure: Error | null = null
  if (file !== undefined) {
    try {
      output = fs.createWriteStream(file, { fd: fs.openSync(file, 'w') }).on('error', error => (failure = error))
    } catch (cause) {
      throw new HieraxError('USAGE', `--dead-letters ${file} can't be written: ${(cause as Error).message}`, { cause })
    }
  }
  return {
    write: ({ headers: { source, 'error.code': code, 'error.message': message, 'error.record': record } }) => {
      const flat = { 'error.code': code, 'error.message': message }
      output.write(`${JSON.stringify({ path: source, ...flat, error: { code, message, record } })}\n`)
    },
    close: async () => {
      if (file === undefined) return
      output.end()
      await once(output, 'close').catch(() => {})
      if (failure)
        throw new HieraxError('OUTPUT_FAILED', `--dead-letters ${file}: ${failure.message}`, { cause: failure })
    }
  }
}
