import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { HieraxError } from '../errors.ts'
import { type Journal, noJournal } from '../lightcurves/journal.ts'
import type { BatchControl, InputMessage } from '../streams/types.ts'
import { ReadWriteLock } from './read-write-lock.ts'

/** A packet is refused after this many crashes of the process with only this packet in flight. */
const maxCrashes = 3

/** Number of refused packets that are remembered per partition. */
const maxRefused = 100

/** The processing that the guard protects. */
export interface GuardedHandler {
  /**
   * Handles at least the first message of a batch. Resolves with the number of messages that it handled. It calls `contentsDone` when
   * it has finished reading their packets, before it waits for acknowledgements.
   */
  handle(messages: readonly InputMessage[], contentsDone: () => Promise<void>, control?: BatchControl): Promise<number>
  /** Publishes a message as a dead letter without decoding its packet. */
  refuse(message: InputMessage, error: HieraxError, control?: BatchControl): Promise<void>
}

/** Offsets of a partition that were in flight when a process crashed (suspects). */
interface SuspectRange {
  /** The range is empty if `first` is greater than `last`. */
  first: bigint
  last: bigint
  /** The offset that is handled alone, and the number of crashes with only that offset in flight. */
  at: bigint | null
  crashes: number
  /** Refused packets, by offset and CRC-32. They may be delivered again until they are committed. */
  refused: readonly string[]
  /** Identifies the assignment of the partition to this process. */
  readonly assignment: AbortSignal | undefined
}

/** A note in the journal of a partition. */
interface Note extends Omit<SuspectRange, 'assignment'> {
  /** Only the message at offset `at` is in flight in this process. */
  readonly alone: boolean
  /** The process that wrote it. */
  readonly writer: string
}

/** The first messages of a batch, noted in the journal. */
interface InFlight {
  readonly messages: readonly InputMessage[]
  /** The message is refused: its packet must not be decoded. */
  readonly poison: boolean
  readonly crashes: number
  /**
   * Call it when the packets are no longer read. `true`: they have been processed, so a later crash is not attributed to them. `false`: they
   * failed, and remain suspects. Only the first call has an effect.
   */
  end(handled: boolean): Promise<void>
}

/**
 * Isolates packets that crash the process, and packets that fail with an unexpected error.
 *
 * Offsets are noted in the journal before their packets are decoded. If a process finds the note of one that crashed, it handles the
 * messages in that note one by one, with nothing else in flight. A packet is refused if the process crashes three times in a row
 * with only this packet in flight. If a process was killed from outside, its packets are handled one by one once and are not refused. A
 * crash is not attributed to a packet while the process waits until the store takes writes, or for acknowledgements.
 */
export class PoisonGuard {
  readonly #handler: GuardedHandler
  readonly #journal: Journal
  readonly #group: string
  readonly #writer = randomUUID()
  readonly #ranges = new Map<string, SuspectRange>()
  readonly #lock = new ReadWriteLock()

  /** Without a journal, crashes are not detected. `group`: the consumer group; each group has separate notes. */
  constructor(handler: GuardedHandler, journal = noJournal, group = '') {
    this.#handler = handler
    this.#journal = journal
    this.#group = group
  }

  /**
   * Handles a whole batch. If the handler rejects with INTERNAL, the messages are handled one by one, and those that fail again are
   * refused. Rejects with any other error of the handler, and with STORE_FAILED.
   */
  async process(batch: readonly InputMessage[], control?: BatchControl): Promise<void> {
    for (let rest = batch; rest.length > 0; ) rest = rest.slice(await this.#processFirst(rest, control))
  }

  async #processFirst(batch: readonly InputMessage[], control?: BatchControl): Promise<number> {
    const inFlight = await this.#begin(batch, control)
    const { messages, poison, crashes } = inFlight
    const first = messages[0] as InputMessage
    try {
      if (!poison) return await this.#handler.handle(messages, () => inFlight.end(true), control)
      const reason = `the process crashed ${crashes} times while only this packet was in flight`
      await this.#refuse(first, 'POISON', new HieraxError('POISON', reason), control)
      await inFlight.end(true)
      return 1
    } catch (thrown) {
      await inFlight.end(false)
      const error = HieraxError.from(thrown)
      if (error.code !== 'INTERNAL' || control?.signal.aborted) throw thrown
      if (messages.length === 1) await this.#refuse(first, 'PROCESSING_FAILED', error, control)
      else for (const message of messages) await this.process([message], control)
      return messages.length
    }
  }

  #refuse(
    message: InputMessage,
    code: 'POISON' | 'PROCESSING_FAILED',
    cause: HieraxError,
    control?: BatchControl
  ): Promise<void> {
    return this.#handler.refuse(message, new HieraxError(code, cause.message, { cause }), control)
  }

  /** Notes the messages before the first suspect, or the suspect alone if it is the first message. Rejects with STORE_FAILED. */
  async #begin(batch: readonly InputMessage[], control?: BatchControl): Promise<InFlight> {
    const place = placeOf(batch[0])
    if (place === null) {
      return { messages: batch, poison: false, crashes: 0, end: async () => {} }
    }
    const { partition, offset } = place
    const range = await this.#rangeOf(partition, offset, control?.signal)
    const end = batch.findIndex(message => {
      const at = offsetOf(message)
      return (at >= range.first && at <= range.last) || wasRefused(range, message)
    })
    if (end === 0) return await this.#beginAlone(partition, range, batch[0] as InputMessage, offset)
    return await this.#beginShared(partition, range, end < 0 ? batch : batch.slice(0, end))
  }

  /** Begins messages that are not suspects. Other partitions may be in flight at the same time. */
  async #beginShared(partition: string, range: SuspectRange, messages: readonly InputMessage[]): Promise<InFlight> {
    const unlock = await this.#lock.read()
    const [first, last] = [offsetOf(messages[0]), offsetOf(messages.at(-1))]
    const isEmpty = range.first > range.last
    const note = { ...range, first, last: isEmpty || last > range.last ? last : range.last, alone: false }
    await this.#write(partition, note, unlock)
    return { messages, poison: false, crashes: range.crashes, end: this.#ending(partition, range, unlock) }
  }

  /** Begins a suspect, with nothing else in flight. */
  async #beginAlone(partition: string, range: SuspectRange, message: InputMessage, offset: bigint): Promise<InFlight> {
    const again = wasRefused(range, message)
    if (!again && range.at !== offset) Object.assign(range, { at: offset, crashes: 0 })
    const poison = again || range.crashes >= maxCrashes
    const crashes = range.crashes
    const unlock = poison ? () => {} : await this.#lock.write()
    try {
      // If the process is killed while it waits for the store, that must not count as a crash of this packet.
      if (!poison) await this.#journal.ready()
    } catch (error) {
      unlock()
      throw error
    }
    await this.#write(
      partition,
      again ? { ...range, alone: false } : { ...range, first: offset, alone: !poison },
      unlock
    )
    const end = this.#ending(partition, range, unlock, () => {
      if (poison && !again) range.refused = [...range.refused, nameOf(message)].slice(-maxRefused)
      if (!again) Object.assign(range, { at: null, crashes: 0 })
      if (range.first <= offset) range.first = offset + 1n
    })
    return { messages: [message], poison, crashes, end }
  }

  #ending(
    partition: string,
    range: SuspectRange,
    unlock: () => void,
    onHandled: () => void = () => {}
  ): InFlight['end'] {
    let ended = false
    return async handled => {
      if (ended) return
      ended = true
      if (handled) onHandled()
      unlock()
      await this.#write(partition, { ...range, alone: false })
    }
  }

  /** The suspects of a partition. They are read from the journal when the partition is assigned. */
  async #rangeOf(partition: string, offset: bigint, assignment: AbortSignal | undefined): Promise<SuspectRange> {
    let range = this.#ranges.get(partition)
    if (!range || range.assignment !== assignment) {
      const note = decodeNote(await this.#journal.read(this.#keyOf(partition)))
      range = { ...noSuspects, assignment }
      if (note) {
        const crashed = note.alone && note.writer !== this.#writer
        const { first, last, at } = note
        Object.assign(range, { first, last, at, crashes: note.crashes + (crashed ? 1 : 0) })
        // Committed messages are not delivered again.
        range.refused = note.refused.filter(name => BigInt(name.split(':')[0] as string) >= offset)
      }
      this.#ranges.set(partition, range)
    }
    if (range.last < offset) Object.assign(range, { ...noSuspects, refused: range.refused })
    else if (range.first < offset) range.first = offset
    return range
  }

  #keyOf(partition: string): string {
    return this.#group === '' ? partition : `${this.#group}/${partition}`
  }

  /** Writes a note. Calls `onError` before it rejects. */
  async #write(partition: string, note: Omit<Note, 'writer'>, onError: () => void = () => {}): Promise<void> {
    try {
      await this.#journal.write(this.#keyOf(partition), encodeNote({ ...note, writer: this.#writer }))
    } catch (error) {
      onError()
      throw error
    }
  }
}

const noSuspects = { first: 0n, last: -1n, at: null, crashes: 0, refused: [] } as const

/** A note as JSON, with offsets as strings. Later releases must be able to read it. */
function encodeNote({ first, last, at, crashes, refused, alone, writer }: Note): string {
  const offsets = { first: String(first), last: String(last), at: at === null ? null : String(at) }
  return JSON.stringify({ ...offsets, refused, deaths: crashes, alone, writer })
}

/** Null if there is no note or it is malformed. */
function decodeNote(text: string | null | undefined): Note | null {
  if (!text) return null
  try {
    const { first, last, at, refused, deaths: crashes, alone, writer } = JSON.parse(text)
    if (!Number.isSafeInteger(crashes) || typeof alone !== 'boolean' || typeof writer !== 'string') return null
    const offsets = { first: BigInt(first), last: BigInt(last), at: at === null ? null : BigInt(at) }
    const names = Array.isArray(refused) ? refused : []
    const isName = (name: unknown): boolean => typeof name === 'string' && /^\d+:\d+$/.test(name)
    return { ...offsets, refused: names.filter(isName), crashes, alone, writer }
  } catch {
    return null
  }
}

/** Partition and offset of a Kafka message; null for a message from a file. */
function placeOf(message: InputMessage | undefined): { partition: string; offset: bigint } | null {
  const [, partition, offset] = /^(.+\/\d+)\/(\d+)$/.exec(message?.source ?? '') ?? []
  return partition === undefined ? null : { partition, offset: BigInt(offset as string) }
}

function offsetOf(message: InputMessage | undefined): bigint {
  return placeOf(message)?.offset ?? 0n
}

/** Identifies a packet by offset and content, because a topic that was recreated has other packets at the same offsets. */
function nameOf(message: InputMessage): string {
  return `${offsetOf(message)}:${crc32(message.value ?? Buffer.alloc(0))}`
}

function wasRefused({ refused }: SuspectRange, message: InputMessage): boolean {
  return refused.length > 0 && refused.includes(nameOf(message))
}
