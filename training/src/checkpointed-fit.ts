import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Runtime } from 'hierax/classifier/runtime.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import { HieraxError } from 'hierax/errors.ts'
import { batchesPerEpoch, drawsOf } from './batches.ts'
import { readCheckpoint, type Settings, writeCheckpoint } from './checkpoint.ts'
import { type EpochRecord, type FitOptions, type FitState, fit, rootBalance } from './fit.ts'
import { isHeldOut } from './folds.ts'
import type { KnownObject } from './labelled.ts'
import type { Teacher } from './teachers.ts'

/** What the training of one network is to be. */
export interface FitPlan {
  readonly fit: FitOptions
  /** Seed of the division into folds and of what is held out. */
  readonly foldSeed: number
  /** Share of the training objects that is held out, for early stopping and temperature. */
  readonly heldOut: number
  readonly resume: boolean
}

/** Who is told how the training of a network goes. */
export interface FitListener {
  /** A network's training begins: `done` of `total` batches were done before. */
  begin(title: string, total: number, done: number): Promise<void>
  batch(): void
  epoch(record: EpochRecord, epochs: number): Promise<void>
  end(): void
}

/** What all networks of a run have in common. */
export interface FitSession {
  readonly plan: FitPlan
  readonly taxonomy: Taxonomy
  readonly taxonomyText: string
  readonly runtime: Runtime
  readonly listener: FitListener
  readonly signal: AbortSignal
}

/** Fits a network of `objects`, but for the held-out ones, with its checkpoint in `folder/training`. */
export async function fitInto(
  { plan, taxonomy, taxonomyText, runtime, listener, signal }: FitSession,
  folder: string,
  objects: readonly KnownObject[],
  title: string,
  teachers: readonly Teacher[],
  start: Teacher | null
): Promise<{ state: FitState; kept: KnownObject[]; heldOut: KnownObject[] }> {
  const heldOut = objects.filter(({ id }) => isHeldOut(id, plan.heldOut, plan.foldSeed))
  const kept = objects.filter(({ id }) => !isHeldOut(id, plan.heldOut, plan.foldSeed))
  const file = path.join(folder, 'training', 'checkpoint.json')
  await mkdir(folder, { recursive: true })
  const settings = settingsOf(plan, taxonomyText, runtime, kept, heldOut, teachers, start)
  const resumed = await resumable(plan, file, settings)
  const draws = drawsOf(
    kept.map(({ node }) => node),
    rootBalance(taxonomy, plan.fit.balance)
  )
  const perEpoch = batchesPerEpoch(
    draws.reduce((sum, each) => sum + each, 0),
    plan.fit.batch
  )
  const done = resumed === null ? 0 : resumed.epoch * perEpoch + resumed.batch
  await listener.begin(title, perEpoch * plan.fit.epochs, done)
  try {
    const state = await fit(runtime, taxonomy, kept, heldOut, plan.fit, {
      resumed,
      teachers,
      start: start?.weights ?? null,
      signal,
      onBatch: () => listener.batch(),
      onEpoch: record => listener.epoch(record, plan.fit.epochs),
      save: state => writeCheckpoint(file, settings, state)
    })
    return { state, kept, heldOut }
  } finally {
    listener.end()
  }
}

/** The state to go on from. A training that was broken off is not begun anew unasked. */
async function resumable(plan: FitPlan, file: string, settings: Settings): Promise<FitState | null> {
  if (plan.resume) return readCheckpoint(file, settings)
  const left = await readCheckpoint(file, settings).catch(() => null)
  if (left === null || left.finished) return null
  const where = `${file}: a training with these options was broken off in epoch ${left.epoch + 1}`
  throw new HieraxError('USAGE', `${where}; go on with --resume, or remove that file to begin anew`)
}

function settingsOf(
  { fit }: FitPlan,
  taxonomyText: string,
  runtime: Runtime,
  kept: readonly KnownObject[],
  heldOut: readonly KnownObject[],
  teachers: readonly Teacher[],
  start: Teacher | null
): Settings {
  const flat: Record<string, string | number> = { runtime: runtime.name }
  for (const [key, value] of Object.entries(fit)) {
    if (typeof value !== 'object') flat[key] = value as string | number
    else for (const [inner, each] of Object.entries(value)) flat[`${key}.${inner}`] = each as string | number
  }
  const digest = (objects: readonly KnownObject[]): string => {
    const hash = createHash('sha256')
    for (const { id, node, points } of objects) {
      const sum = points.reduce((total, { jd, magnitude, error }) => total + jd + magnitude + error, 0)
      hash.update(`${id}\n${node}\n${points.length}\n${sum}\n`)
    }
    return hash.digest('hex').slice(0, 16)
  }
  const taxonomy = createHash('sha256').update(taxonomyText).digest('hex').slice(0, 16)
  const taught = teachers.map(({ sha256 }) => sha256.slice(0, 16)).join()
  const begun = start === null ? {} : { start: start.sha256.slice(0, 16) }
  return { ...flat, ...begun, taxonomy, teachers: taught, objects: digest(kept), heldOut: digest(heldOut) }
}
