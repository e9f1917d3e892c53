import type { Classification } from '../../src/messages/classification.ts'
import { classification } from '../../src/service/examples.ts'

/** A classification with all that one can have. */
export const sampleClassification: Classification = { ...classification, candid: BigInt(classification.candid) }
