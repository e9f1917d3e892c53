import fs from 'node:fs'
import path from 'node:path'
import avro from 'avsc'
import { bigLong } from '../../src/avro/long.ts'
import { root } from './shared.ts'

/** Fields of a message in DESC's form that tests look at; times are epoch ms. */
export interface DescMessage {
  readonly alertId: bigint
  readonly elasticcPublishTimestamp: bigint
  readonly brokerIngestTimestamp: bigint | null
  readonly classifications: readonly { readonly classId: number; readonly probability: number }[]
}

const schema = fs.readFileSync(path.join(root, 'schemas/desc/broker-classification.avsc'), 'utf8')
const type = avro.Type.forSchema(JSON.parse(schema), { registry: { long: bigLong } })

/** Decodes a message in DESC's form. */
export function readDesc(value: Uint8Array | null): DescMessage {
  return type.fromBuffer(Buffer.from(value ?? []))
}

/** The sum of the probabilities. */
export function sumOf({ classifications }: DescMessage): number {
  return classifications.reduce((sum, { probability }) => sum + probability, 0)
}
