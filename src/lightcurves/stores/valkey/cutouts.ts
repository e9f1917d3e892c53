import {
  type AlertCutouts,
  type CutoutStore,
  decodeCutouts,
  encodeCutouts,
  programBytes,
  programOfCutouts
} from '../../cutouts.ts'
import { type ValkeyAddress, ValkeyConnection } from './connection.ts'
import { script } from './objects/objects.ts'

const orderKey = 'hierax:cutouts'
const imagePrefix = 'hierax:i:'

/** KEYS: order, images… ARGV: limit, prefix of images, then the id and the bytes of each object. */
const keep = script(`
  local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local number = tonumber(last[2] or '0')
  for i = 2, #KEYS do
    redis.call('SET', KEYS[i], ARGV[2 * i])
    redis.call('ZADD', KEYS[1], number + i, ARGV[2 * i - 1])
  end
  local beyond = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[1])
  if beyond > 0 then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, beyond - 1)) do redis.call('DEL', ARGV[2] .. id) end
    redis.call('ZREMRANGEBYRANK', KEYS[1], 0, beyond - 1)
  end`)

/** Objects of one script, which blocks all other clients of the server. */
const run = 32

/** Images on a Valkey or Redis server, by a connection of their own. */
export class ValkeyCutouts implements CutoutStore {
  readonly #connection: ValkeyConnection
  readonly #max: number

  constructor(address: ValkeyAddress, max: number) {
    this.#connection = new ValkeyConnection(address, async () => {})
    this.#max = max
  }

  async put(alerts: readonly AlertCutouts[]): Promise<void> {
    const encoded = alerts.map(alert => ({ objectId: alert.objectId, bytes: encodeCutouts(alert) }))
    for (let from = 0; from < encoded.length; from += run) {
      const some = encoded.slice(from, from + run)
      const keys = [orderKey, ...some.map(({ objectId }) => imagePrefix + objectId)]
      const args = [this.#max, imagePrefix, ...some.flatMap(({ objectId, bytes }) => [objectId, bytes])]
      await this.#connection.request(`Images of ${alerts.length} alerts could not be written to`, 'read', () =>
        this.#connection.run(keep, keys, args)
      )
    }
  }

  async get(objectId: string): Promise<AlertCutouts | null> {
    return this.#connection.request('Images could not be read from', 'read', async () =>
      decodeCutouts(objectId, (await this.#connection.call('GET', imagePrefix + objectId)) as Buffer | null)
    )
  }

  async *list(): AsyncIterable<{ objectId: string; programId: number | null }> {
    let cursor = '0'
    do {
      const page = await this.#connection.request('Images could not be listed of', 'read', async () => {
        const [next, entries] = (await this.#connection.call('ZSCAN', orderKey, cursor, 'COUNT', 500)) as [
          Buffer,
          Buffer[]
        ]
        const objectIds = entries.filter((_, index) => index % 2 === 0).map(String)
        const heads = objectIds.map(id => this.#connection.call('GETRANGE', imagePrefix + id, 0, programBytes - 1))
        return { next: String(next), objectIds, heads: (await Promise.all(heads)) as Buffer[] }
      })
      cursor = page.next
      for (const [index, objectId] of page.objectIds.entries())
        yield { objectId, programId: programOfCutouts(page.heads[index] as Buffer) }
    } while (cursor !== '0')
  }

  async remove(objectIds: readonly string[]): Promise<number> {
    let removed = 0
    for (let from = 0; from < objectIds.length; from += run) {
      const some = objectIds.slice(from, from + run)
      removed += await this.#connection.request(
        `Images of ${objectIds.length} objects could not be removed from`,
        'write',
        async () => {
          const held = await this.#connection.call('UNLINK', ...some.map(id => imagePrefix + id))
          await this.#connection.call('ZREM', orderKey, ...some)
          return Number(held)
        }
      )
    }
    return removed
  }

  async close(): Promise<void> {
    this.#connection.close()
  }
}
