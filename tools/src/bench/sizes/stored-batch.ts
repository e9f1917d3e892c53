import { createRequire } from 'node:module'
import type { Compression } from 'hierax/compression/compressors.ts'
import { compressionTypes, registerCodecs } from 'hierax/streams/kafka/codecs.ts'
import type { OutputMessage } from 'hierax/streams/types.ts'

/** What kafkajs writes bytes with. */
interface Encoder {
  readonly buffer: Buffer
}

// The encoders of the producer's requests, which kafkajs does not export.
const load = createRequire(import.meta.url)
const encodeRecord: (record: object) => Encoder = load('kafkajs/src/protocol/recordBatch/record/v0')
const { RecordBatch: encodeBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<Encoder>
}

/** Messages as one record batch as the service's producer sends it. A broker stores it unchanged, except for offsets. */
export async function storedBatch(messages: readonly OutputMessage[], compression: Compression): Promise<Buffer> {
  registerCodecs()
  const records = messages.map(({ key, value, tombstone, headers }, offsetDelta) =>
    encodeRecord({ key, value: tombstone ? null : Buffer.from(value), headers, offsetDelta })
  )
  const batch = { compression: compressionTypes[compression], records, lastOffsetDelta: records.length - 1 }
  return (await encodeBatch(batch)).buffer
}
