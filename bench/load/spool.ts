import fs from 'node:fs'

/** Writes packets to a file, each after its length: made ahead of time, they cost nothing while a rate is held. */
export function writeSpool(file: string, packets: Iterable<Buffer>): void {
  const out = fs.openSync(file, 'w')
  const length = Buffer.alloc(4)
  for (const packet of packets) {
    length.writeUInt32LE(packet.length)
    fs.writevSync(out, [length, packet])
  }
  fs.closeSync(out)
}

/** The packets of such a file, read as they are asked for. */
export function* readSpool(file: string): Generator<Buffer> {
  const input = fs.openSync(file, 'r')
  const length = Buffer.alloc(4)
  try {
    while (fs.readSync(input, length) === length.length) {
      const packet = Buffer.allocUnsafe(length.readUInt32LE())
      fs.readSync(input, packet)
      yield packet
    }
  } finally {
    fs.closeSync(input)
  }
}
