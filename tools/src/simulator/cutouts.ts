import os from 'node:os'
import { gzipSync } from 'node:zlib'
import type { SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random, seedOf } from '@hierax/training/random.ts'
import { HieraxError } from 'hierax/errors.ts'
import { exposureOf, fluxOf } from './exposure.ts'
import type { SimulatedObject } from './object.ts'

/** One image in a packet. */
export interface Cutout {
  readonly fileName: string
  /** A FITS file, gzip-compressed. */
  readonly stampData: Buffer
}

/** The three images of a packet by field name; null if omitted. */
export interface Cutouts {
  readonly cutoutScience: Cutout | null
  readonly cutoutTemplate: Cutout | null
  readonly cutoutDifference: Cutout | null
}

/** Pixels on a side. */
const side = 63
const pixels = side * side
/** Block size of FITS files, bytes. */
const block = 2880
const mantissaBits = 23
/** Noise of one pixel in a science image, DN. */
const noise = 10

const header = Buffer.alloc(block, ' ')
for (const [index, card] of [
  'SIMPLE  =                    T',
  'BITPIX  =                  -32',
  'NAXIS   =                    2',
  `NAXIS1  = ${String(side).padStart(20)}`,
  `NAXIS2  = ${String(side).padStart(20)}`,
  "BUNIT   = 'DN      '",
  'END'
].entries()) {
  header.write(card, index * 80, 'latin1')
}

/** An image while it is made: its pixels as numbers, as their bits and as bytes, and the file. All images are made in the same memory. */
const scratch = (() => {
  const values = new Float32Array(pixels)
  const file = Buffer.alloc(block * (1 + Math.ceil(values.byteLength / block)))
  header.copy(file)
  return { values, bits: new Int32Array(values.buffer), bytes: Buffer.from(values.buffer), file }
})()

const dark = new Float32Array(pixels)

/**
 * Renders cutouts: science image, reference (`template`) and their difference, 63 × 63 pixels with a point source in the
 * centre, as gzip-compressed FITS. The number of noise bits kept per pixel determines their size.
 */
export class CutoutRenderer {
  readonly #seed: number
  readonly #noise: Float32Array
  /** Clears the last bits of a single-precision number; null for no cutouts. */
  readonly #mask: number | null

  /**
   * @param bytes total size of a packet's three cutouts, accurate to about 1 kB; 0 for none
   * @throws HieraxError USAGE for a size that such images cannot have
   */
  constructor(seed: number, bytes: number) {
    this.#seed = seed
    const draw = random(seed, seedOf('noise'))
    // Drawing normal numbers is the most expensive step: images share one long array, each from a random start.
    this.#noise = Float32Array.from({ length: 1 << 16 }, () => draw.normal() * noise)
    this.#mask = bytes === 0 ? null : this.#maskFor(bytes)
  }

  /** The images of one detection. */
  render(object: SimulatedObject, point: SimulatedPoint, candid: bigint): Cutouts {
    if (this.#mask === null) return { cutoutScience: null, cutoutTemplate: null, cutoutDifference: null }
    const exposure = exposureOf(object, point, this.#seed)
    const reference = object.references[point.fid - 1]!
    const draw = random(this.#seed, object.index, Math.round(point.jd * 1e5), seedOf('cutouts'))
    const nearest = 10 ** (0.4 * (exposure.zeroPoint - reference.magnitude))
    const [science, template, difference] = this.#images(draw, this.#mask, {
      flux: fluxOf(point, exposure),
      nearest,
      dx: reference.distance * Math.cos(reference.angle),
      dy: reference.distance * Math.sin(reference.angle),
      sigma: exposure.seeing / 2.355,
      background: exposure.background
    })
    return {
      cutoutScience: { fileName: `candid${candid}_pid${exposure.pid}_targ_sci.fits.gz`, stampData: science },
      cutoutTemplate: { fileName: `candid${candid}_ref.fits.gz`, stampData: template },
      cutoutDifference: { fileName: `candid${candid}_pid${exposure.pid}_targ_scimref.fits.gz`, stampData: difference }
    }
  }

  /** Science = template + difference, up to their noise. */
  #images(draw: Random, mask: number, scene: Scene): [Buffer, Buffer, Buffer] {
    const { flux, nearest, dx, dy, sigma, background } = scene
    const target = pointSource(flux, 0, 0, sigma)
    const host = pointSource(nearest, dx, dy, sigma)
    const science = this.#image(draw, mask, 1, background, host, target)
    // A reference is a stack of many exposures and therefore less noisy.
    const template = this.#image(draw, mask, 0.3, background, host, dark)
    const difference = this.#image(draw, mask, 1.1, 0, dark, target)
    return [science, template, difference]
  }

  /** The sum of a background, two images, and the noise times `scale`. */
  #image(
    draw: Random,
    mask: number,
    scale: number,
    background: number,
    host: Float32Array,
    target: Float32Array
  ): Buffer {
    const from = draw.integer(0, this.#noise.length - pixels - 1)
    for (let index = 0; index < pixels; index += 1) {
      scratch.values[index] = background + host[index]! + target[index]! + this.#noise[from + index]! * scale
      scratch.bits[index]! &= mask
    }
    const { file, bytes } = scratch
    bytes.copy(file, block)
    // Numbers in a FITS file are big-endian.
    if (os.endianness() === 'LE') file.subarray(block, block + bytes.length).swap32()
    // The result keeps its whole chunk in memory.
    const zipped = gzipSync(file, { level: 1, chunkSize: 2048 })
    // Operating system in the gzip header: unknown, for the same bytes everywhere.
    zipped[9] = 255
    return zipped
  }

  #maskFor(bytes: number): number {
    const scene = { flux: 500, nearest: 3000, dx: 1, dy: 1, sigma: 1, background: 200 }
    const sizes = Array.from({ length: mantissaBits + 1 }, (_, bits) => {
      const images = this.#images(random(this.#seed, bits), maskOf(bits), scene)
      return images.reduce((sum, image) => sum + image.length, 0)
    })
    const [least, most] = [sizes[0]!, sizes[mantissaBits]!]
    if (bytes < least - 1000 || bytes > most + 2000) {
      const range = `${Math.ceil((least - 1000) / 1000)}000 to ${Math.floor((most + 2000) / 1000)}000 bytes, or 0 for none`
      throw new HieraxError(
        'USAGE',
        `cutouts of ${bytes} bytes cannot be rendered: three images of 63 × 63 pixels take ${range}`
      )
    }
    const nearest = sizes.reduce(
      (best, size, bits) => (Math.abs(size - bytes) < Math.abs(sizes[best]! - bytes) ? bits : best),
      0
    )
    return maskOf(nearest)
  }
}

interface Scene {
  readonly flux: number
  readonly nearest: number
  readonly dx: number
  readonly dy: number
  readonly sigma: number
  readonly background: number
}

function maskOf(bits: number): number {
  return ~((1 << (mantissaBits - bits)) - 1)
}

/** A Gaussian point source of a total flux at an offset from the centre in pixels; cut off at six sigma. */
function pointSource(flux: number, dx: number, dy: number, sigma: number): Float32Array {
  const image = new Float32Array(pixels)
  const centre = (side - 1) / 2
  const radius = Math.ceil(6 * sigma)
  const peak = flux / (2 * Math.PI * sigma * sigma)
  const [x0, y0] = [centre + dx, centre + dy]
  for (let y = Math.max(0, Math.floor(y0) - radius); y <= Math.min(side - 1, Math.ceil(y0) + radius); y += 1) {
    for (let x = Math.max(0, Math.floor(x0) - radius); x <= Math.min(side - 1, Math.ceil(x0) + radius); x += 1) {
      image[y * side + x] = peak * Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma * sigma))
    }
  }
  return image
}
