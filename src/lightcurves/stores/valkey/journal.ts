import type { HieraxError } from '../../../errors.ts'
import type { Journal } from '../../journal.ts'
import type { ValkeyConnection } from './connection.ts'
import { isWrongType } from './failures.ts'

const notePrefix = 'hierax:j:'

/** Time after which the server drops a note that was not written again, s. */
const keptSeconds = 30 * 86_400

/** A journal on a server, with a key for each partition. */
export class ValkeyJournal implements Journal {
  readonly #connection: ValkeyConnection
  readonly #onCorrupt: ((error: HieraxError) => void) | undefined

  constructor(connection: ValkeyConnection, onCorrupt?: (error: HieraxError) => void) {
    this.#connection = connection
    this.#onCorrupt = onCorrupt
  }

  async read(partition: string): Promise<string | null> {
    const key = notePrefix + partition
    return this.#connection.request('The journal could not be read from', 'read', async () => {
      try {
        return ((await this.#connection.call('GET', key)) as Buffer | null)?.toString() ?? null
      } catch (error) {
        if (!isWrongType(error)) throw error
        this.#onCorrupt?.(await this.#connection.wrongType(key, 'It counts as no note, and the next note replaces it'))
        return null
      }
    })
  }

  async write(partition: string, note: string): Promise<void> {
    await this.#connection.request('The journal could not be written to', 'write', () =>
      this.#connection.call('SET', notePrefix + partition, note, 'EX', keptSeconds)
    )
  }

  /** A write never waits for other processes. */
  async ready(): Promise<void> {}
}
