import fs from 'node:fs'

/** Writes length-prefixed byte strings to a file, prepared in advance so that they cost nothing during the measurement. */
export function writeSpool(file: string, pieces: Iterable<Buffer>): void {
  const out = fs.openSync(file, 'w')
  const length = Buffer.alloc(4)
  for (const piece of pieces) {
    length.writeUInt32LE(piece.length)
    fs.writevSync(out, [length, piece])
  }
  fs.closeSync(out)
}

/** Lazily reads the byte strings of such a file. */
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
