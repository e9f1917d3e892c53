/** A note in the journal of a partition: what is in work, or under suspicion. */
export interface JournalEntry {
  /** Offsets in work, or that were in work when a process ended; none where `first` is beyond `last`. */
  readonly first: bigint
  readonly last: bigint
  /** The offset that is, or was, in work alone; null where none was. */
  readonly at: bigint | null
  /** How often a process ended while it was. */
  readonly deaths: number
  /** Packets that were refused and may come again: offset and CRC-32, with a colon between. */
  readonly refused: readonly string[]
  /** `at` is in work at this moment, and nothing else of the process. */
  readonly alone: boolean
  /** Who wrote it. */
  readonly writer: string
}

/** A note as text. */
export function encodeEntry({ first, last, at, refused, ...rest }: JournalEntry): string {
  const offsets = { first: String(first), last: String(last), at: at === null ? null : String(at) }
  return JSON.stringify({ ...offsets, refused, ...rest })
}

/** The note that a text is; null where there is none, or none that can be read. */
export function decodeEntry(text: string | null | undefined): JournalEntry | null {
  if (!text) return null
  try {
    const { first, last, at, refused, deaths, alone, writer } = JSON.parse(text)
    if (!Number.isSafeInteger(deaths) || typeof alone !== 'boolean' || typeof writer !== 'string') return null
    const offsets = { first: BigInt(first), last: BigInt(last), at: at === null ? null : BigInt(at) }
    return { ...offsets, refused: readNames(refused), deaths, alone, writer }
  } catch {
    return null
  }
}

function readNames(names: unknown): string[] {
  if (!Array.isArray(names)) return []
  return names.filter(name => typeof name === 'string' && /^\d+:\d+$/.test(name))
}
