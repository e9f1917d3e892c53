import { mkdir, open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { HieraxError, shown } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import type { FitState } from './fit.ts'

/** What a training depends on, by name: a checkpoint is resumed only where all of it is the same. */
export type Settings = Readonly<Record<string, string | number>>

/** Place of a checkpoint in the folder of its model. */
export const checkpointFile = path.join('training', 'checkpoint.json')

/** What differs where the digest of a setting does. */
const digests: Readonly<Record<string, string>> = {
  objects: 'other objects (--data, --folds, or labels of the tree)',
  heldOut: 'other objects held out',
  taxonomy: 'another file of the taxonomy',
  teachers: 'other --teachers',
  start: 'another --start'
}

const format = 'hierax-checkpoint'
const formatVersion = 1

/**
 * Writes a checkpoint: settings, weights, moments and progress, in one file that is replaced as a whole, so that an interruption
 * leaves either the old or the new one. Arrays are base64.
 */
export async function writeCheckpoint(file: string, settings: Settings, state: FitState): Promise<void> {
  const { weights, moments, best, ...progress } = state
  const stored = { format, formatVersion, settings, ...progress, weights, moments, best }
  const content = JSON.stringify(stored, (_, value: unknown) => {
    if (!(value instanceof Float32Array)) return value
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
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
  const content = await contentOf(file)
  if (content === null) return null
  const { settings: before, ...stored } = parsed(content, file)
  for (const key of new Set([...Object.keys(settings), ...Object.keys(before)])) {
    const [was, is] = [before[key], settings[key]]
    if (was === is) continue
    const other = digests[key]
    const what = other ?? `${key} ${shown(was)}, this one has ${shown(is)}`
    const message = `${file} is of a training with ${what}`
    throw new HieraxError(
      'USAGE',
      `${message}: resume it with the same options and data, name another --out, or replace it with --overwrite in place of --resume`
    )
  }
  const { epoch, batch, lossSum, finished, history, weights, moments, best } = stored
  return {
    ...{ epoch, batch, lossSum, finished, history, weights: decoded(weights), moments: decoded(moments) },
    best: best === null ? null : { ...best, weights: decoded(best.weights) }
  }
}

/** The progress of a checkpoint's training; null if there is no checkpoint. Throws USAGE if it is not a checkpoint of this version. */
export async function progressOf(file: string): Promise<Pick<FitState, 'epoch' | 'finished'> | null> {
  const content = await contentOf(file)
  return content === null ? null : parsed(content, file)
}

async function contentOf(file: string): Promise<string | null> {
  try {
    checkRegular(file)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new HieraxError('USAGE', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
}

function parsed(content: string, file: string): FitState & { settings: Settings } {
  try {
    const value = JSON.parse(content)
    if (value.format === format && value.formatVersion === formatVersion) return value
  } catch {
    // Reported below.
  }
  throw new HieraxError(
    'USAGE',
    `${file} is not a checkpoint of this version of Hierax: start again with --overwrite in place of --resume`
  )
}

/** Parsed JSON with every text in it, at any depth, as the array that it encodes. */
function decoded<T>(value: T): T {
  if (typeof value === 'string') return new Float32Array(new Uint8Array(Buffer.from(value, 'base64')).buffer) as T
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decoded(each)])) as T
}
