import { z } from 'zod'
import type { Journal } from '../lightcurves/journal.ts'

/** What was done so far. Kept in the journal, so later releases must be able to read it. */
export const counts = z.object({
  /** Objects that were read, or that can't be. */
  objects: z.int(),
  /** Objects of which something was published. */
  reclassified: z.int(),
  /** Objects with points but without an alert. */
  withoutAlert: z.int(),
  corrupt: z.int(),
  /** Objects of which another alert was merged meanwhile, and which were therefore classified again. */
  overtaken: z.int()
})
export type Counts = z.infer<typeof counts>

const progress = counts.extend({
  /** Hash of what is published: another model, setting or selection is another run. */
  run: z.string(),
  /** The last object that is done. */
  after: z.string(),
  finished: z.boolean(),
  total: z.int(),
  /** The process that writes it. */
  writer: z.string()
})

/** How far the last reclassification of a store is. */
export type Progress = z.infer<typeof progress>

/** Key of the progress in the journal. Those of partitions have a slash. */
const journalKey = 'reclassify'

/** How far the last reclassification of a store is; null if there was none. */
export async function reclassificationProgress(journal: Pick<Journal, 'read'>): Promise<Progress | null> {
  try {
    return progress.parse(JSON.parse((await journal.read(journalKey)) ?? ''))
  } catch {
    return null
  }
}

/** Writes how far a reclassification is. Rejects with STORE_FAILED. */
export async function keepReclassificationProgress(journal: Pick<Journal, 'write'>, now: Progress): Promise<void> {
  await journal.write(journalKey, JSON.stringify(now))
}
