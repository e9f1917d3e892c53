import type { Compression } from 'hierax/compression/compressors.ts'
import { batchOffset, encodeProduceRequest } from 'hierax/streams/kafka/producer/request/produce-request.ts'
import type { OutputMessage } from 'hierax/streams/types.ts'

/** Messages as one record batch as the service's producer sends it. A broker stores it unchanged, except for offsets. */
export async function storedBatch(messages: readonly OutputMessage[], compression: Compression): Promise<Buffer> {
  const produced = messages.map(({ key, value, tombstone, headers }) => ({
    key,
    value: tombstone ? null : Buffer.from(value),
    headers
  }))
  const request = await encodeProduceRequest({
    topics: [{ topic: '', partitions: [{ partition: 0, messages: produced, firstSequence: 0 }] }],
    compression,
    acks: -1,
    timeout: 0,
    producerId: -1n,
    producerEpoch: 0
  })
  return request.subarray(batchOffset(''))
}
