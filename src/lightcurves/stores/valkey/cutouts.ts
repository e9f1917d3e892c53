import { createHash } from 'node:crypto'
import { type AlertCutouts, type CutoutStore, decodeCutouts, encodeCutouts } from '../../cutouts.ts'
import { type ValkeyAddress, ValkeyConnection } from './connection.ts'

const orderKey = 'hierax:cutouts'
const imagePrefix = 'hierax:i:'

/** KEYS: order, images… ARGV: limit, prefix of images, then the id and the bytes of each object. */
const text = `
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
  end`
const keep = { text, sha1: createHash('sha1').update(text).digest('hex') }

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
    for (let from = 0; from < alerts.length; from += run) {
      const some = alerts.slice(from, from + run)
      const keys = [orderKey, ...some.map(({ objectId }) => imagePrefix + objectId)]
      const args = [this.#max, imagePrefix, ...some.flatMap(alert => [alert.objectId, encodeCutouts(alert)])]
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

  async close(): Promise<void> {
    this.#connection.close()
  }
}
