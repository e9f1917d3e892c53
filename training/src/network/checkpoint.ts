import { mkdir, open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import type { Weight, Weights } from 'hierax/classifier/network.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import type { FitState } from './fit.ts'

/** What a training depends on, flat: a checkpoint is resumed only where all of it is the same. */
export type Settings = Readonly<Record<string, string | number>>

const formatVersion = 1

/**
 * Writes a checkpoint: settings, weights, moments and progress, in one file that is there either as before or whole, whatever
 * interrupts.
 */
export async function writeCheckpoint(file: string, settings: Settings, state: FitState): Promise<void> {
  const { weights, moments, best, ...progress } = state
  const content = JSON.stringify({
    format: 'hierax-checkpoint',
    formatVersion,
    settings,
    ...progress,
    weights: encodedWeights(weights),
    moments: { steps: moments.steps, first: encodedAll(moments.first), second: encodedAll(moments.second) },
    best: best === null ? null : { ...best, weights: encodedWeights(best.weights) }
  })
  await mkdir(path.dirname(file), { recursive: true })
  const handle = await open(`${file}.tmp`, 'w')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.tmp`, file)
}

/**
 * Reads a checkpoint; null where there is none. Throws USAGE where it is of a training with other settings, naming the first
 * that differs, or not a checkpoint of this version.
 */
export async function readCheckpoint(file: string, settings: Settings): Promise<FitState | null> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new HieraxError('USAGE', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
  const stored = parsed(content, file)
  for (const key of new Set([...Object.keys(settings), ...Object.keys(stored.settings)])) {
    const [was, is] = [stored.settings[key], settings[key]]
    if (was === is) continue
    const message = `${file} is of a training with ${key} ${shown(was)}, this one has ${shown(is)}`
    throw new HieraxError('USAGE', `${message}: resume it with the same options and data, or name another --out`)
  }
  const { epoch, batch, lossSum, finished, history, moments, best } = stored
  return {
    ...{ epoch, batch, lossSum, finished, history },
    weights: decodedWeights(stored.weights),
    moments: { steps: moments.steps, first: decodedAll(moments.first), second: decodedAll(moments.second) },
    best: best === null ? null : { ...best, weights: decodedWeights(best.weights) }
  }
}

type Encoded = Readonly<Record<string, string>>
type EncodedWeights = Readonly<Record<string, { readonly shape: readonly number[]; readonly values: string }>>

interface Stored extends Pick<FitState, 'epoch' | 'batch' | 'lossSum' | 'finished' | 'history'> {
  readonly settings: Settings
  readonly weights: EncodedWeights
  readonly moments: { readonly steps: number; readonly first: Encoded; readonly second: Encoded }
  readonly best: { readonly epoch: number; readonly loss: number; readonly weights: EncodedWeights } | null
}

function parsed(content: string, file: string): Stored {
  try {
    const value = JSON.parse(content) as Stored & { format?: unknown; formatVersion?: unknown }
    if (value.format === 'hierax-checkpoint' && value.formatVersion === formatVersion) return value
  } catch {
    // Said below.
  }
  throw new HieraxError('USAGE', `${file} is not a checkpoint of this version of Hierax: remove it to start again`)
}

function encoded(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}

function decoded(text: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)
}

function encodedAll(arrays: Readonly<Record<string, Float32Array>>): Encoded {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, encoded(values)]))
}

function decodedAll(arrays: Encoded): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, decoded(text)]))
}

function encodedWeights(weights: Weights): EncodedWeights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, values }]) => [name, { shape, values: encoded(values) }])
  )
}

function decodedWeights(weights: EncodedWeights): Record<string, Weight> {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, values }]) => [name, { shape, values: decoded(values) }])
  )
}
