/** Table of the Castagnoli checksum (CRC-32C). */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

/** CRC-32C of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ (bytes[i] as number)) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** A number as a zigzag varint. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

/**
 * Values as one record batch (format 2, no compression, no keys, timestamp 0: for topics with LogAppendTime).
 * https://kafka.apache.org/documentation/#recordbatch
 */
export function recordBatch(values: readonly Buffer[]): Buffer {
  const records = values.flatMap((value, index) => {
    const body = [Buffer.from([0]), varint(0), varint(index), varint(-1), varint(value.length), value, varint(0)]
    return [varint(body.reduce((sum, part) => sum + part.length, 0)), ...body]
  })
  const checked = Buffer.alloc(40)
  checked.writeInt32BE(values.length - 1, 2) // last offset delta
  checked.writeBigInt64BE(-1n, 22) // producer
  checked.writeInt16BE(-1, 30)
  checked.writeInt32BE(-1, 32)
  checked.writeInt32BE(values.length, 36)
  const body = Buffer.concat([checked, ...records])
  const head = Buffer.alloc(21)
  head.writeInt32BE(9 + body.length, 8)
  head.writeInt32BE(-1, 12) // leader epoch
  head[16] = 2
  head.writeUInt32BE(crc32c(body), 17)
  return Buffer.concat([head, body])
}

/** Values as record batches of `perBatch` values each; the last may be smaller. */
export function* recordBatches(values: Iterable<Buffer>, perBatch: number): Generator<Buffer> {
  let waiting: Buffer[] = []
  for (const value of values) {
    if (waiting.push(value) < perBatch) continue
    yield recordBatch(waiting)
    waiting = []
  }
  if (waiting.length > 0) yield recordBatch(waiting)
}

/** The header of a produce request (version 3, acks=all) for one batch to one partition; the batch follows. */
export function produceRequest(topic: string, partition: number, batchBytes: number, correlation: number): Buffer {
  const name = Buffer.from(topic)
  const client = Buffer.from('bench')
  const head = Buffer.alloc(4 + 10 + client.length + 2 + 6 + 4 + 2 + name.length + 4 + 4 + 4)
  let at = head.writeInt32BE(head.length - 4 + batchBytes)
  at = head.writeInt16BE(0, at) // produce
  at = head.writeInt16BE(3, at)
  at = head.writeInt32BE(correlation, at)
  at = head.writeInt16BE(client.length, at)
  at += client.copy(head, at)
  at = head.writeInt16BE(-1, at) // no transaction
  at = head.writeInt16BE(-1, at) // all in-sync replicas
  at = head.writeInt32BE(30_000, at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt16BE(name.length, at)
  at += name.copy(head, at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt32BE(partition, at)
  head.writeInt32BE(batchBytes, at)
  return head
}

/** The error code in the response to such a request, which starts with its length; 0 means success. */
export function produceError(response: Buffer): number {
  const name = response.readInt16BE(12)
  return response.readInt16BE(14 + name + 8)
}
