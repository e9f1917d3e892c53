import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32, gzipSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { HieraxError } from '../../src/errors.ts'
import { readFits } from '../../src/service/fits.ts'
import { toPng } from '../../src/service/png.ts'
import { World } from './support.ts'

type Cards = Readonly<Record<string, string | number>>

/** A FITS file of 32-bit floats, unless the cards say otherwise. */
function fits(values: readonly number[], cards: Cards, write = 'writeFloatBE', size = 4): Buffer {
  const all = { SIMPLE: 'T', BITPIX: -32, NAXIS: 2, ...cards }
  const head = [...Object.entries(all).map(([name, value]) => `${name.padEnd(8)}= ${value} / text`), 'END']
  const data = Buffer.alloc(values.length * size)
  for (const [index, value] of values.entries())
    (data as unknown as Record<string, (value: number, at: number) => void>)[write]?.(value, index * size)
  return Buffer.concat([
    Buffer.from(
      head
        .map(card => card.padEnd(80))
        .join('')
        .padEnd(2880)
    ),
    data
  ])
}

const refused = (bytes: Uint8Array, reason: RegExp) =>
  assert.rejects(readFits(bytes), { code: 'CUTOUT_INVALID', message: reason })

/** Grey and opacity of each pixel of a PNG; checks the sums of its chunks. */
function pixelsOf(png: Buffer): { width: number; height: number; grey: number[]; opacity: number[] } {
  const chunks = new Map<string, Buffer>()
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    assert.equal(crc32(png.subarray(at + 4, at + 8 + length)), png.readUInt32BE(at + 8 + length))
    chunks.set(png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  const head = chunks.get('IHDR') as Buffer
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)]
  const rows = inflateSync(chunks.get('IDAT') as Buffer)
  assert.equal(rows.length, height * (1 + 2 * width))
  const at = (index: number) => Math.floor(index / width) * (1 + 2 * width) + 1 + 2 * (index % width)
  const each = (offset: number) =>
    Array.from({ length: width * height }, (_, index) => rows[at(index) + offset] as number)
  return { width, height, grey: each(0), opacity: each(1) }
}

describe('an image of an alert', () => {
  it('is read in any size and type, with its scale, compressed or not', async () => {
    const floats = fits([1, 2, 3, 4, 5, 6], { NAXIS1: 3, NAXIS2: 2 })
    for (const file of [floats, gzipSync(floats)])
      assert.deepEqual(await readFits(file), { width: 3, height: 2, pixels: Float64Array.of(1, 2, 3, 4, 5, 6) })
    const scaled = { BITPIX: 16, NAXIS1: 1, NAXIS2: 3, BSCALE: '5.0D-1', BZERO: 10, BLANK: -7 }
    const { pixels } = await readFits(fits([2, -7, -4], scaled, 'writeInt16BE', 2))
    assert.deepEqual([...pixels], [11, Number.NaN, 8])
    const nan = await readFits(fits([Number.NaN, Number.POSITIVE_INFINITY], { NAXIS1: 2, NAXIS2: 1 }))
    assert.deepEqual([...nan.pixels], [Number.NaN, Number.NaN])
  })

  it('is refused if it is damaged, or claims more than it has', async () => {
    const size = { NAXIS1: 2, NAXIS2: 2 }
    const good = fits([1, 2, 3, 4], size)
    await refused(new Uint8Array(), /no FITS header/)
    await refused(Buffer.from('<html>'), /no FITS header/)
    await refused(good.subarray(0, 2890), /ends before its last pixel/)
    await refused(gzipSync(good).subarray(0, 60), /compression is damaged/)
    await refused(gzipSync(Buffer.alloc(2 ** 26)), /more than \d+ bytes/)
    for (const NAXIS1 of [1e9, 0, -1, 2.5, 513]) await refused(fits([1, 2, 3, 4], { ...size, NAXIS1 }), /pixels/)
    for (const wrong of [{ NAXIS: 3 }, { NAXIS: 0 }, { BITPIX: 12 }, { SIMPLE: 'F' }])
      await refused(fits([1, 2, 3, 4], { ...size, ...wrong }), /not an image of two dimensions/)
    await refused(fits([1], { NAXIS1: 'x', NAXIS2: 1 }), /NAXIS1/)
  })

  it('of any bytes is read or refused, and nothing else', async () => {
    const start = fits([1, 2, 3, 4], { NAXIS1: 2, NAXIS2: 2 })
    const damaged = fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 20 }).map(changes => {
      const bytes = Buffer.from(start)
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 500 }), damaged), async bytes => {
        try {
          await toPng(await readFits(bytes))
        } catch (error) {
          assert.ok(error instanceof HieraxError && error.code === 'CUTOUT_INVALID', String(error))
        }
      })
    )
  })

  it('shows faint and bright at once, the first row at the top, and missing pixels transparent', async () => {
    const width = 20
    const pixels = Float64Array.from({ length: 400 }, (_, index) => 100 + (index % 7))
    pixels[0] = Number.NaN
    pixels[1] = 1e6
    for (const index of [2, 3, 4, 5]) pixels[index] = 1000
    pixels[6] = -1e9
    const png = pixelsOf(await toPng({ width, height: 20, pixels }))
    assert.deepEqual([png.width, png.height], [20, 20])
    assert.deepEqual(png.opacity.slice(0, 3), [0, 255, 255])
    const [, star, bright, , , , bad] = png.grey as [number, number, number, number, number, number, number]
    assert.ok(star === 255 && bad === 0 && bright > 200, `${star} ${bright} ${bad}`)
    const sky = png.grey.slice(20)
    assert.ok(Math.max(...sky) - Math.min(...sky) > 10, 'the noise is visible beside a star')
  })

  it('without contrast or values is grey or empty', async () => {
    const flat = pixelsOf(await toPng({ width: 2, height: 1, pixels: Float64Array.of(5, 5) }))
    assert.deepEqual(
      [flat.grey, flat.opacity],
      [
        [128, 128],
        [255, 255]
      ]
    )
    const none = pixelsOf(await toPng({ width: 1, height: 1, pixels: Float64Array.of(Number.NaN) }))
    assert.deepEqual(none.opacity, [0])
  })
})

describe('images over HTTP', () => {
  const stamp = gzipSync(fits([1, 2, 3, 4], { NAXIS1: 2, NAXIS2: 2 }))

  it('are PNGs with the alert and its version, and are decoded once for each version', async t => {
    const world = new World()
    const kept = {
      objectId: 'ZTF',
      candid: 77n,
      programId: 1,
      cutouts: { science: stamp, template: Buffer.from('damaged') }
    }
    world.cutouts = async objectId => (objectId === 'ZTF' ? kept : null)
    const service = await world.service({ token: 'right' })
    t.after(() => service.close())
    const get = (url: string, headers = {}) =>
      service.app.inject({ url: `/api/v1/objects/${url}`, headers: { authorization: 'Bearer right', ...headers } })
    const answer = await get('ZTF/cutouts/science.png')
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['content-type'], 'image/png')
    assert.equal(answer.headers['hierax-candid'], '77')
    assert.equal(pixelsOf(answer.rawPayload).width, 2)
    const { etag } = answer.headers
    assert.match(String(etag), /^"77-[0-9a-f]{16}"$/)
    assert.equal(answer.headers['cache-control'], 'private, no-cache')
    const again = await get('ZTF/cutouts/science.png', { 'if-none-match': etag })
    assert.deepEqual([again.statusCode, again.body], [304, ''])
    assert.equal((await get('ZTF/cutouts/science.png?candid=77')).statusCode, 200)
    for (const [url, status, code] of [
      ['ZTF/cutouts/science.png?candid=78', 404, 'CUTOUT_NOT_FOUND'],
      ['ZTF/cutouts/science.png?candid=x', 400, 'REQUEST_INVALID'],
      ['ZTF/cutouts/template.png', 422, 'CUTOUT_INVALID'],
      ['ZTF/cutouts/difference.png', 404, 'CUTOUT_NOT_FOUND'],
      ['other/cutouts/science.png', 404, 'CUTOUT_NOT_FOUND'],
      ['ZTF/cutouts/other.png', 404, 'ROUTE_NOT_FOUND'],
      ['ZTF/cutouts/science.png?size=2', 400, 'REQUEST_INVALID']
    ] as const) {
      const refusal = await get(url)
      assert.deepEqual([refusal.statusCode, refusal.json().code], [status, code], url)
    }
    assert.equal((await service.app.inject({ url: '/api/v1/objects/ZTF/cutouts/science.png' })).statusCode, 401)
  })
})
