/**
 * Notes of what is in flight, one for each partition of the input (and consumer group), so that the next process learns what a
 * process was doing when it crashed. A note must outlive the process that wrote it.
 */
export interface Journal {
  /** The note of a partition (`group/topic/number`); null if there is none. */
  read(partition: string): Promise<string | null>
  /** Replaces the note of a partition. Rejects with STORE_FAILED. */
  write(partition: string, note: string): Promise<void>
  /** Resolves when the store takes writes, so that waiting for it does not count as work on a packet. Rejects with STORE_FAILED. */
  ready(): Promise<void>
}

/** Keeps no notes, for what ends with the process: packets that crash it are then not found. */
export const noJournal: Journal = { read: async () => null, write: async () => {}, ready: async () => {} }
