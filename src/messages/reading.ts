import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { HieraxError } from '../errors.ts'
import { contextFields } from '../lightcurves/points/observation.ts'
import { type ClassificationRank, compareRanks } from '../lightcurves/route-marks.ts'
import { formats } from './encoding.ts'

const nullableNumber = z.number().nullish()

const evidence = z.looseObject({ node: z.string(), lightCurve: z.number(), context: z.number(), prior: z.number() })

/**
 * The fields that a subscriber needs. Fields that later versions add are kept; fields that the first version did not have may be
 * absent.
 */
const shape = z.looseObject({
  id: z.string(),
  objectId: z.string(),
  candid: z.string().regex(/^-?\d{1,19}$/),
  jd: z.number(),
  status: z.string(),
  reason: z.string().nullish(),
  alert: z.looseObject({ band: z.string(), magnitude: z.number(), positive: z.boolean().optional() }).nullish(),
  nodes: z.array(z.looseObject({ name: z.string(), parent: z.string().nullish(), probability: z.number() })),
  prediction: z.looseObject({ node: z.string(), probability: z.number(), path: z.array(z.string()) }).nullish(),
  novelty: nullableNumber,
  classifier: z.looseObject({ name: z.string(), version: z.string(), sha256: z.string(), taxonomy: z.string() }),
  lightCurve: z.looseObject({
    detections: z.number(),
    revision: z.number(),
    firstDetectionJd: nullableNumber,
    lastDetectionJd: nullableNumber
  }),
  evidence: z.array(evidence).optional(),
  context: z.looseObject(Object.fromEntries(contextFields.map(name => [name, nullableNumber]))).nullish(),
  population: z.looseObject({ name: z.string(), shares: z.record(z.string(), z.number()) }).nullish()
})

/** A classification as a subscriber reads it: JSON values, with the candid as a string. */
export type ReadClassification = z.infer<typeof shape>

const maxBytes = 16 * 1024 * 1024

/**
 * Reads a classification message in any wire format and of any version.
 *
 * @param schema the writer's schema, for a value that has only its id (`schemaIdOf`); by default that of this version
 *
 * @throws HieraxError MESSAGE_UNREADABLE
 */
export function readClassification(value: Uint8Array | null, schema?: string): ReadClassification {
  if (!value?.length) throw unreadable('it has no value')
  if (value.length > maxBytes) throw unreadable(`it has ${value.length} bytes`)
  const body = decode(Buffer.from(value.buffer, value.byteOffset, value.length), schema)
  const result = shape.safeParse(body)
  // Not `result.data`, in which fields are reordered.
  if (result.success) return body as ReadClassification
  const [issue] = result.error.issues
  throw unreadable(`it is not a classification: ${issue?.path.join('.') || 'value'}: ${issue?.message}`)
}

function decode(bytes: Buffer, schema: string | undefined): unknown {
  const found = Object.entries(formats).find(([, format]) => format.recognises(bytes))
  if (!found) throw unreadable(`its format is none of ${Object.keys(formats).join(', ')}`)
  const [name, format] = found
  try {
    return format.decode(bytes, schema)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw unreadable(`it can't be decoded as ${name} (${reason.slice(0, 200)})`, cause)
  }
}

function unreadable(reason: string, cause?: unknown): HieraxError {
  return new HieraxError('MESSAGE_UNREADABLE', reason, { cause })
}

/** How a message relates to earlier ones: already received, the object's new current classification, or older than the current one. */
export type Recency = 'duplicate' | 'current' | 'older'

/** The fields that decide whether a message is current. */
interface Ranked {
  readonly id: string
  readonly objectId: string
  /** As decimal digits, because it exceeds 2^53. */
  readonly candid: string
  readonly jd: number
  readonly classifier: { readonly sha256: string }
  readonly lightCurve: { readonly revision: number }
}

/**
 * Tells a subscriber which messages are duplicates and which are current. Of the messages with the same id, all but the first are
 * duplicates. The current classification of an object, for each model, is the message with the greatest (`jd`, `candid`,
 * `lightCurve.revision`), not the last one in the topic. Ids and objects that were not used for long are forgotten.
 */
export class CurrentClassifications {
  readonly #ids: LRUCache<string, true>
  readonly #best: LRUCache<string, ClassificationRank>

  /** `remembered`: number of ids, and of objects, that are kept. */
  constructor(remembered = 200_000) {
    this.#ids = new LRUCache({ max: remembered })
    this.#best = new LRUCache({ max: remembered })
  }

  /** Adds a message and returns how it relates to earlier ones. */
  add(message: Ranked): Recency {
    if (this.#ids.has(message.id)) return 'duplicate'
    this.#ids.set(message.id, true)
    const key = `${message.objectId} ${message.classifier.sha256}`
    const { jd, candid, lightCurve } = message
    const rank = { jd, candid: BigInt(candid), revision: lightCurve.revision }
    const best = this.#best.get(key)
    if (best && compareRanks(rank, best) < 0) return 'older'
    this.#best.set(key, rank)
    return 'current'
  }
}
