import { z } from 'zod'
import type { Journal } from '../lightcurves/journal.ts'

/** Counts of what has been done. They are kept in the journal, so later releases must be able to read them. */
export const counts = z.object({
  /** Objects that are done, including those that cannot be read. */
  objects: z.int(),
  /** Objects with published messages. */
  reclassified: z.int(),
  /** Objects with points but without an alert. */
  withoutAlert: z.int(),
  corrupt: z.int(),
  /** Objects that were classified again because another alert was merged meanwhile. */
  overtaken: z.int()
})
export type Counts = z.infer<typeof counts>

const progress = counts.extend({
  /** Hash of the models, settings and selection. A run with another hash starts from the first object. */
  run: z.string(),
  /** The last object that is done. */
  after: z.string(),
  finished: z.boolean(),
  total: z.int(),
  /** The process that writes it. */
  writer: z.string()
})

/** Progress of the last reclassification of a store. */
export type Progress = z.infer<typeof progress>

/** Key of the progress in the journal. It has no slash, unlike the keys of partitions. */
const journalKey = 'reclassify'

/** The progress of the last reclassification of a store; null if there was none. */
export async function reclassificationProgress(journal: Pick<Journal, 'read'>): Promise<Progress | null> {
  try {
    return progress.parse(JSON.parse((await journal.read(journalKey)) ?? ''))
  } catch {
    return null
  }
}

/** Writes the progress of a reclassification. Rejects with STORE_FAILED. */
export async function keepReclassificationProgress(journal: Pick<Journal, 'write'>, now: Progress): Promise<void> {
  await journal.write(journalKey, JSON.stringify(now))
}
