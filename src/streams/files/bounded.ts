import type { Readable } from 'node:stream'

/** Reads a stream to its end; null, without keeping what was read, when it is longer than `maximum` bytes. */
export async function readBounded(stream: Readable, maximum: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > maximum) {
      stream.destroy()
      return null
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
