import type { Classification } from '../../src/messages/classification.ts'
import { classification } from '../../src/service/schema/examples.ts'

/** A classification with all fields. */
export const sampleClassification: Classification = { ...classification, candid: BigInt(classification.candid) }
