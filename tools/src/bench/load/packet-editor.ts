import avro from 'avsc'
import { openContainer, readBlocks } from 'hierax/alerts/avro/container.ts'
import { defaultLimits } from 'hierax/alerts/avro/limits.ts'
import { bigLong } from 'hierax/avro/long.ts'

/** An alert of a synthetic object: its differences from the original packet. */
export interface AlertChange {
  readonly objectId: string
  readonly candid: bigint
  /** Julian date, days; not before the packet's own. */
  readonly jd: number
  /** Added to the magnitude, mag. */
  readonly fainter: number
}

type Fields = Record<string, unknown>

/** Days of history in a packet. */
export const historyDays = 30

/**
 * Derives alerts of other objects from one packet: the same header (with its writer schema) and cutouts, a new id and time, and a
 * history with the object's earlier alerts, rounded to four decimals as the survey does.
 */
export class PacketEditor {
  readonly jd: number
  readonly #type: avro.Type
  readonly #head: Buffer
  readonly #sync: Buffer
  readonly #record: Fields
  readonly #historyFields: readonly string[]

  /** @param packet a container with one uncompressed record; throws for any other */
  constructor(packet: Buffer) {
    const container = openContainer(packet, defaultLimits)
    const head = packet.subarray(0, container.cursor.position)
    const [block] = [...readBlocks(container, defaultLimits)]
    if (block?.count !== 1 || container.inflate !== null) throw new Error('the packet is not one uncompressed record')
    const schema = withoutDefaults(JSON.parse(container.schema.toString())) as avro.Schema
    this.#type = avro.Type.forSchema(schema, { registry: { long: bigLong }, wrapUnions: false })
    this.#head = Buffer.from(head)
    this.#sync = Buffer.from(container.sync)
    this.#record = this.#type.fromBuffer(block.cursor.bytes) as Fields
    this.#historyFields = fieldsOfHistory(schema)
    this.jd = this.#own.jd as number
  }

  /** The packet of the last of an object's alerts, which are in time order. */
  write(alerts: readonly AlertChange[]): Buffer {
    const alert = alerts.at(-1) as AlertChange
    const from = alert.jd - historyDays
    const original = (this.#record.prv_candidates as Fields[] | null) ?? []
    const history = [
      ...original.filter(point => (point.jd as number) < this.jd),
      ...alerts.slice(0, -1).flatMap(earlier => (earlier.jd >= from ? [this.#historyPoint(earlier)] : []))
    ]
    const record = this.#type.toBuffer({
      ...this.#record,
      objectId: alert.objectId,
      candid: alert.candid,
      candidate: this.#changed(alert),
      prv_candidates: history.filter(point => (point.jd as number) >= from)
    })
    const length = bigLong.toBuffer(BigInt(record.length))
    return Buffer.concat([this.#head, Buffer.from([2]), length, record, this.#sync])
  }

  get #own(): Fields {
    return this.#record.candidate as Fields
  }

  #changed({ jd, candid, fainter }: AlertChange): Fields {
    return { ...this.#own, jd, candid, magpsf: Math.fround((this.#own.magpsf as number) + fainter) }
  }

  /** An earlier alert as a history point. */
  readonly #historyPoint = (alert: AlertChange): Fields => {
    const candidate = this.#changed(alert)
    const point: Fields = Object.fromEntries(this.#historyFields.map(name => [name, candidate[name] ?? null]))
    for (const name of ['magpsf', 'sigmapsf']) point[name] = Math.round((candidate[name] as number) * 1e4) / 1e4
    return point
  }
}

/** Removes defaults: reading and writing do not need them, and the survey's are not valid Avro. */
function withoutDefaults(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutDefaults)
  if (schema === null || typeof schema !== 'object') return schema
  const entries = Object.entries(schema).filter(([name]) => name !== 'default')
  return Object.fromEntries(entries.map(([name, value]) => [name, withoutDefaults(value)]))
}

/** Names of the fields of a history point in a writer schema. */
function fieldsOfHistory(schema: unknown): string[] {
  const fields = (schema as { fields: { name: string; type: unknown }[] }).fields
  const type = fields.find(({ name }) => name === 'prv_candidates')?.type
  const array = [type].flat().find(branch => (branch as { type?: unknown } | null)?.type === 'array')
  const items = (array as { items?: unknown } | undefined)?.items
  const record = [items].flat().find(branch => Array.isArray((branch as { fields?: unknown } | null)?.fields))
  if (!record) throw new Error('prv_candidates is not an array of records')
  return (record as { fields: { name: string }[] }).fields.map(({ name }) => name)
}
