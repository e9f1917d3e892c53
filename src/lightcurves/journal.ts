/**
 * Notes of what is in flight, one a partition of the input (and group of consumers), so that what ended a process is found by the next. A note
 * must outlive the process that wrote it.
 */
export interface Journal {
  /** The note of a partition (`group/topic/number`); null where there is none. */
  read(partition: string): Promise<string | null>
  /** Replaces the note of a partition. Rejects with STORE_FAILED. */
  write(partition: string, note: string): Promise<void>
  /**
   * Resolves when the store takes writes, so that waiting for it is not taken for work on a packet; left out where a write never
   * waits for other processes. Rejects with STORE_FAILED.
   */
  ready?(): Promise<void>
}
