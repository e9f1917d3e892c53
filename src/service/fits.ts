import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { HieraxError } from '../errors.ts'

/** An image: rows from the first to the last in the file, each from left to right; NaN where there is no value. */
export interface Image {
  readonly width: number
  readonly height: number
  readonly pixels: Float64Array
}

/** Longest side of an image, pixels. ZTF's have 63. */
const maxSide = 512

const cardBytes = 80
const blockBytes = 2880

/** Header blocks that are searched for their end. */
const maxHeaderBlocks = 16

/** Bytes of the largest image with its header, decompressed. */
const maxBytes = maxSide * maxSide * 8 + maxHeaderBlocks * blockBytes + blockBytes

/** How a value of each BITPIX is read at a position. */
const readers: Readonly<Record<number, (bytes: Buffer, at: number) => number>> = {
  8: (bytes, at) => bytes.readUInt8(at),
  16: (bytes, at) => bytes.readInt16BE(at),
  32: (bytes, at) => bytes.readInt32BE(at),
  64: (bytes, at) => Number(bytes.readBigInt64BE(at)),
  [-32]: (bytes, at) => bytes.readFloatBE(at),
  [-64]: (bytes, at) => bytes.readDoubleBE(at)
}

/** Reads the primary image of a FITS file, which may be compressed with gzip. Time and memory are bounded. Throws CUTOUT_INVALID. */
export async function readFits(bytes: Uint8Array): Promise<Image> {
  const file = bytes[0] === 0x1f && bytes[1] === 0x8b ? await inflate(bytes) : Buffer.from(bytes)
  const { header, end } = headerOf(file)
  const number = (name: string, otherwise?: number): number => {
    const text = header.get(name)
    const value = text === undefined ? (otherwise ?? Number.NaN) : Number(text.replace(/d/i, 'e'))
    if (Number.isFinite(value)) return value
    throw invalid(`its header has ${name} ${text ?? 'not at all'}`)
  }
  const [bits, axes, width, height] = [number('BITPIX'), number('NAXIS'), number('NAXIS1'), number('NAXIS2')]
  const read = readers[bits]
  if (header.get('SIMPLE') !== 'T' || read === undefined || axes !== 2)
    throw invalid('it is not an image of two dimensions')
  for (const side of [width, height])
    if (!Number.isInteger(side) || side < 1 || side > maxSide) throw invalid(`it has ${width} × ${height} pixels`)
  const size = Math.abs(bits) / 8
  if (file.length < end + width * height * size) throw invalid('it ends before its last pixel')
  const [scale, zero] = [number('BSCALE', 1), number('BZERO', 0)]
  const blank = bits > 0 && header.has('BLANK') ? number('BLANK') : null
  const pixels = new Float64Array(width * height)
  for (let index = 0; index < pixels.length; index++) {
    const value = read(file, end + index * size)
    pixels[index] = value === blank || !Number.isFinite(value) ? Number.NaN : zero + scale * value
  }
  return { width, height, pixels }
}

async function inflate(bytes: Uint8Array): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw invalid(tooLong ? `it has more than ${maxBytes} bytes` : 'its compression is damaged', cause)
  }
}

/** The values of a header by keyword, and where the data begin. */
function headerOf(file: Buffer): { header: ReadonlyMap<string, string>; end: number } {
  const header = new Map<string, string>()
  const limit = Math.min(file.length, maxHeaderBlocks * blockBytes)
  for (let at = 0; at + cardBytes <= limit; at += cardBytes) {
    const card = file.toString('latin1', at, at + cardBytes)
    const keyword = card.slice(0, 8).trimEnd()
    if (keyword === 'END') return { header, end: Math.ceil((at + cardBytes) / blockBytes) * blockBytes }
    if (card[8] === '=' && !header.has(keyword)) header.set(keyword, (card.slice(9).split('/')[0] as string).trim())
  }
  throw invalid('it has no FITS header')
}

function invalid(reason: string, cause?: unknown): HieraxError {
  return new HieraxError('CUTOUT_INVALID', `the image cannot be read: ${reason}`, { cause })
}
