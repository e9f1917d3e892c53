import type { Readable } from 'node:stream'

/** A packet sent from the process that makes packets to the process under test. */
export interface Frame {
  /** Name of the recipe; null for a real alert. */
  readonly recipe: string | null
  readonly value: Buffer | null
  readonly key: Buffer | null
}

/** Kind of the frame that ends a batch. */
const end = 2

const headerBytes = 12

/** Bytes of a packet: kind u8 · null u8 · lengths of the name u16, the value u32 and the key u32 · name · value · key (of length 0: null). */
export function frameOf({ recipe, value, key }: Frame): Buffer {
  const name = Buffer.from(recipe ?? '')
  const header = Buffer.alloc(headerBytes)
  header[0] = recipe === null ? 0 : 1
  header[1] = value === null ? 1 : 0
  header.writeUInt16LE(name.length, 2)
  header.writeUInt32LE(value?.length ?? 0, 4)
  header.writeUInt32LE(key?.length ?? 0, 8)
  return Buffer.concat([header, name, value ?? Buffer.alloc(0), key ?? Buffer.alloc(0)])
}

/** Bytes of the end of a batch. */
export const batchEnd = Buffer.from([end, ...Array(headerBytes - 1).fill(0)])

/** Batches of packets from a stream of frames. */
export async function* readBatches(stream: Readable): AsyncGenerator<Frame[]> {
  const read = new Reader(stream)
  let batch: Frame[] = []
  for (;;) {
    const header = await read.bytes(headerBytes)
    if (header === null) return
    if (header[0] === end) {
      yield batch
      batch = []
      continue
    }
    const name = await read.bytes(header.readUInt16LE(2))
    const value = await read.bytes(header.readUInt32LE(4))
    const key = await read.bytes(header.readUInt32LE(8))
    if (name === null || value === null || key === null) return
    // A copy: a view would retain the whole chunk of the pipe.
    batch.push({
      recipe: header[0] === 1 ? name.toString() : null,
      value: header[1] === 1 ? null : Buffer.from(value),
      key: key.length > 0 ? Buffer.from(key) : null
    })
  }
}

/** Reads exact numbers of bytes from a stream. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>
  #parts: Buffer[] = []
  #length = 0

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async bytes(length: number): Promise<Buffer | null> {
    while (this.#length < length) {
      const { value, done } = await this.#chunks.next()
      if (done) return null
      this.#parts.push(value)
      this.#length += value.length
    }
    if ((this.#parts[0]?.length ?? 0) < length) this.#parts = [Buffer.concat(this.#parts)]
    const first = this.#parts[0] ?? Buffer.alloc(0)
    const bytes = first.subarray(0, length)
    if (first.length === length) this.#parts.shift()
    else this.#parts[0] = first.subarray(length)
    this.#length -= length
    return bytes
  }
}
