import { promisify } from 'node:util'
import { crc32, deflate } from 'node:zlib'
import type { Image } from './fits.ts'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** Pixels of which the brightness range is computed. */
const maxSample = 20_000

/**
 * An image as PNG in shades of grey. Values between two quantiles are shown, the brighter ones compressed (arsinh), so that neither a
 * bright star nor a bad pixel hides the rest. Pixels without a value are transparent.
 */
export async function toPng({ width, height, pixels }: Image): Promise<Buffer> {
  const shade = stretch(pixels)
  const rows = Buffer.alloc(height * (1 + 2 * width))
  for (let index = 0; index < pixels.length; index++) {
    const value = pixels[index] as number
    if (Number.isNaN(value)) continue
    // Each row begins with the number of its filter, 0.
    const at = Math.floor(index / width) * (1 + 2 * width) + 1 + 2 * (index % width)
    rows[at] = shade(value)
    rows[at + 1] = 255
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 4], 8) // 8 bits each of grey and opacity
  const data = await promisify(deflate)(rows)
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}

/** The shade of a value, 0 to 255. */
function stretch(pixels: Float64Array): (value: number) => number {
  const step = Math.ceil(pixels.length / maxSample)
  const sample = pixels.filter((value, index) => index % step === 0 && !Number.isNaN(value)).sort()
  const quantile = (share: number): number => sample[Math.round(share * (sample.length - 1))] ?? 0
  const [low, middle, high] = [quantile(0.005), quantile(0.5), quantile(0.995)]
  // Noise is shown linearly, and what is far above it logarithmically.
  const softening = Math.max(quantile(0.84) - middle, (high - low) / 100) * 3
  if (!(high > low) || !(softening > 0)) return () => 128
  const curve = (value: number): number => Math.asinh((value - low) / softening)
  const full = curve(high)
  return value => Math.round(255 * Math.min(Math.max(curve(value) / full, 0), 1))
}

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
