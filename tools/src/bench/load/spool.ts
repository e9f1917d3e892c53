import fs from 'node:fs'

/** Writes pieces of bytes to a file, each after its length: made ahead of time, they cost nothing while a rate is held. */
export function writeSpool(file: string, pieces: Iterable<Buffer>): void {
  const out = fs.openSync(file, 'w')
  const length = Buffer.alloc(4)
  for (const piece of pieces) {
    length.writeUInt32LE(piece.length)
    fs.writevSync(out, [length, piece])
  }
  fs.closeSync(out)
}

/** The pieces of such a file, read as they are asked for. */
export function* readSpool(file: string): Generator<Buffer> {
  const input = fs.openSync(file, 'r')
  const length = Buffer.alloc(4)
  try {
    while (fs.readSync(input, length) === length.length) {
      const piece = Buffer.allocUnsafe(length.readUInt32LE())
      fs.readSync(input, piece)
      yield piece
    }
  } finally {
    fs.closeSync(input)
  }
}
