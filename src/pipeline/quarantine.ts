import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Journal } from '../lightcurves/stores/store.ts'
import type { BatchControl, InputMessage } from '../streams/types.ts'
import { decodeEntry, encodeEntry, type JournalEntry } from './journal-entry.ts'
import { Turnstile } from './turnstile.ts'

/** A packet is refused when the process ended so often while nothing but it was in work. */
const mostDeaths = 3

/** So many refused packets are remembered. */
const mostRefused = 100

/** What of a partition is under suspicion. */
interface Suspicion {
  /** Offsets that were in work when a process ended; none where `first` is beyond `last`. */
  first: bigint
  last: bigint
  /** The offset that was in work alone, and how often the process ended then. */
  at: bigint | null
  deaths: number
  /** Packets that were refused: they come again until they are committed. */
  refused: readonly string[]
  /** Belongs to the time for which this process owns the partition. */
  readonly tenure: AbortSignal | undefined
}

/** The first messages of a batch on their way through what packets can do harm to. */
export interface Passage {
  /** The messages to take, one at least. */
  readonly messages: readonly InputMessage[]
  /** The only message has ended the process `deaths` times: it must not be looked at. */
  readonly refused: boolean
  readonly deaths: number
  /** The first `taken` of them are through, or (`through` false) failed without harm. Only the first call counts. */
  leave(through: boolean, taken?: number): Promise<void>
}

/**
 * Isolates packets that end the process: through a defect of ours or of a library no error can be caught of.
 *
 * Before a batch is looked at, its offsets are noted in the store's journal. Where a note is found whose writer did not
 * come through, the messages that it names are taken one by one, with nothing else in work in the process; one that ends
 * the process `mostDeaths` times, each time alone, is refused. A process that was ended from outside costs innocent packets
 * nothing but that they are taken one by one once: to be refused, a packet must be in work alone at the end of three
 * processes in a row, and the time in which it waits for a store that takes no writes, or for an acknowledgement, does not
 * count.
 */
export class Quarantine {
  readonly #journal: Journal | undefined
  readonly #group: string
  readonly #me = randomUUID()
  readonly #suspicions = new Map<string, Suspicion>()
  readonly #turnstile = new Turnstile()

  /** Without a journal every batch passes. */
  constructor(journal: Journal | undefined, group = '') {
    this.#journal = journal
    this.#group = group
  }

  /** Notes the batch, or the first of its messages where some are under suspicion. Rejects with STORE_FAILED. */
  async enter(batch: readonly InputMessage[], control?: BatchControl): Promise<Passage> {
    const place = placeOf(batch[0])
    if (!this.#journal || place === null) return freePassage(batch)
    const { partition, offset } = place
    const suspicion = await this.#suspicionOf(partition, offset, control?.signal)
    const end = batch.findIndex(message => {
      const at = offsetOf(message)
      return (at >= suspicion.first && at <= suspicion.last) || wasRefused(suspicion, message)
    })
    if (end === 0) return await this.#alone(partition, suspicion, batch[0] as InputMessage, offset)
    return await this.#together(partition, suspicion, end < 0 ? batch : batch.slice(0, end))
  }

  /** Messages that nobody suspects, side by side with those of other partitions. */
  async #together(partition: string, suspicion: Suspicion, messages: readonly InputMessage[]): Promise<Passage> {
    const leaveTurnstile = await this.#turnstile.shared()
    const [first, last] = [offsetOf(messages[0]), offsetOf(messages.at(-1))]
    const none = suspicion.first > suspicion.last
    const note = { first, last: none || last > suspicion.last ? last : suspicion.last, at: suspicion.at }
    return await this.#noted(partition, suspicion, { ...note, alone: false }, leaveTurnstile, {
      messages,
      refused: false,
      through: () => {}
    })
  }

  /** A message under suspicion: nothing else is in work meanwhile. */
  async #alone(partition: string, suspicion: Suspicion, message: InputMessage, offset: bigint): Promise<Passage> {
    const again = wasRefused(suspicion, message)
    if (!again && suspicion.at !== offset) Object.assign(suspicion, { at: offset, deaths: 0 })
    const refused = again || suspicion.deaths >= mostDeaths
    const leaveTurnstile = refused ? () => {} : await this.#turnstile.alone()
    try {
      // A process that is killed while it waits for a store that another one holds up says nothing about the packet.
      if (!refused) await this.#journal?.ready?.()
    } catch (error) {
      leaveTurnstile()
      throw error
    }
    const note = again
      ? { ...suspicion, alone: false }
      : { first: offset, last: suspicion.last, at: offset, alone: !refused }
    return await this.#noted(partition, suspicion, note, leaveTurnstile, {
      messages: [message],
      refused,
      through: () => {
        if (refused && !again) suspicion.refused = [...suspicion.refused, nameOf(message)].slice(-mostRefused)
        if (!again) Object.assign(suspicion, { at: null, deaths: 0 })
        if (suspicion.first <= offset) suspicion.first = offset + 1n
      }
    })
  }

  async #noted(
    partition: string,
    suspicion: Suspicion,
    note: Pick<JournalEntry, 'first' | 'last' | 'at' | 'alone'>,
    leaveTurnstile: () => void,
    passage: { messages: readonly InputMessage[]; refused: boolean; through: () => void }
  ): Promise<Passage> {
    const { messages, refused, through } = passage
    const { deaths, refused: known } = suspicion
    try {
      await this.#write(partition, { ...note, deaths, refused: known })
    } catch (error) {
      leaveTurnstile()
      throw error
    }
    let left = false
    const leave = async (ok: boolean): Promise<void> => {
      if (left) return
      left = true
      if (ok) through()
      leaveTurnstile()
      await this.#write(partition, { ...suspicion, alone: false })
    }
    return { messages, refused, deaths, leave }
  }

  /** What is known of a partition: from the journal, when it has just come to this process. */
  async #suspicionOf(partition: string, offset: bigint, tenure: AbortSignal | undefined): Promise<Suspicion> {
    let suspicion = this.#suspicions.get(partition)
    if (!suspicion || suspicion.tenure !== tenure) {
      const entry = decodeEntry(await this.#journal?.read(this.#keyOf(partition)))
      suspicion = { ...nothing, tenure }
      if (entry) {
        const died = entry.alone && entry.writer !== this.#me
        const { first, last, at, deaths, refused } = entry
        Object.assign(suspicion, { first, last, at, deaths: deaths + (died ? 1 : 0) })
        // What was committed before comes no more.
        suspicion.refused = refused.filter(name => BigInt(name.split(':')[0] as string) >= offset)
      }
      this.#suspicions.set(partition, suspicion)
    }
    if (suspicion.last < offset) Object.assign(suspicion, { ...nothing, refused: suspicion.refused })
    else if (suspicion.first < offset) suspicion.first = offset
    return suspicion
  }

  #keyOf(partition: string): string {
    return this.#group === '' ? partition : `${this.#group}/${partition}`
  }

  async #write(
    partition: string,
    { first, last, at, deaths, refused, alone }: Omit<JournalEntry, 'writer'>
  ): Promise<void> {
    await this.#journal?.write(
      this.#keyOf(partition),
      encodeEntry({ first, last, at, deaths, refused, alone, writer: this.#me })
    )
  }
}

const nothing = { first: 0n, last: -1n, at: null, deaths: 0, refused: [] } as const

function freePassage(messages: readonly InputMessage[]): Passage {
  return { messages, refused: false, deaths: 0, leave: async () => {} }
}

/** Partition and offset of a message of a log; null for one from elsewhere. */
function placeOf(message: InputMessage | undefined): { partition: string; offset: bigint } | null {
  const [, partition, offset] = /^(.+\/\d+)\/(\d+)$/.exec(message?.source ?? '') ?? []
  return partition === undefined ? null : { partition, offset: BigInt(offset as string) }
}

/** A packet by offset and content: a topic that is made anew has other packets at the same offsets. */
function nameOf(message: InputMessage): string {
  return `${offsetOf(message)}:${crc32(message.value ?? Buffer.alloc(0))}`
}

function wasRefused({ refused }: Suspicion, message: InputMessage): boolean {
  return refused.length > 0 && refused.includes(nameOf(message))
}

function offsetOf(message: InputMessage | undefined): bigint {
  return placeOf(message)?.offset ?? 0n
}
