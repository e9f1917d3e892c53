import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describe, it } from 'node:test'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { cutoutKinds } from '../../src/lightcurves/cutouts.ts'
import { readFits } from '../../src/service/fits.ts'
import { toPng } from '../../src/service/png.ts'
import { needsShared, sharedFiles } from '../support/shared.ts'
import { container, packetFields, packetSchema, retyped, type SchemaJson } from './packets.ts'

/** A packet with a field `cutoutScience` of this type. */
function packetWith(type: SchemaJson, value: unknown): Buffer {
  return container({ cutoutScience: value }, packetSchema(retyped(packetFields, 'cutoutScience', type)))
}

const record = (data: SchemaJson): SchemaJson => ({
  type: 'record',
  name: 'cutout',
  fields: [
    { name: 'fileName', type: 'string' },
    { name: 'stampData', type: data }
  ]
})
const image = (stampData: unknown) => ({ fileName: 'a.fits.gz', stampData })

describe('images in packets', () => {
  const { decode } = createDecoder({ maxCutoutBytes: 10 })

  it('are read if the limits allow it, in any form of the field', () => {
    for (const [type, value] of [
      [record('bytes'), image(Buffer.from('stamp'))],
      [['null', record('bytes')], image(Buffer.from('stamp'))],
      [[record(['null', 'bytes']), 'null'], image(Buffer.from('stamp'))],
      [['null', 'bytes'], Buffer.from('stamp')],
      ['bytes', Buffer.from('stamp')]
    ] as [SchemaJson, unknown][]) {
      const bytes = packetWith(type, value)
      assert.equal(String(decode(bytes)[0]?.cutouts?.science), 'stamp')
      assert.equal(createDecoder().decode(bytes)[0]?.cutouts, undefined)
    }
  })

  it('of another form, empty or too large are left out, and the alert is read', () => {
    for (const [type, value] of [
      [record('bytes'), image(Buffer.alloc(11))],
      [record('bytes'), image(Buffer.alloc(0))],
      [['null', record('bytes')], null],
      [record('string'), image('text')],
      [record(['null', 'bytes']), image(null)],
      [['null', 'bytes'], null],
      ['bytes', Buffer.alloc(11)],
      ['double', 1],
      ['null', null]
    ] as [SchemaJson, unknown][]) {
      const [alert] = decode(packetWith(type, value))
      assert.deepEqual(alert?.cutouts, {}, JSON.stringify(type))
      assert.ok(alert.observation.magnitude > 0)
    }
  })

  it('are not those of the packet before', () => {
    const type: SchemaJson = ['null', record('bytes')]
    const [first] = decode(packetWith(type, image(Buffer.from('stamp'))))
    assert.deepEqual(decode(packetWith(type, null))[0]?.cutouts, {})
    assert.equal(String(first?.cutouts?.science), 'stamp')
  })

  it('of real alerts become pictures', needsShared(), async () => {
    const { decode: decodeAll } = createDecoder({ maxCutoutBytes: 2 ** 18 })
    const files = sharedFiles('alerts/alerce_v4.02').slice(0, 20)
    let pictures = 0
    for (const file of files)
      for (const { cutouts = {}, ...alert } of decodeAll(fs.readFileSync(file))) {
        assert.ok(alert.objectId.startsWith('ZTF'))
        for (const kind of cutoutKinds) {
          const bytes = cutouts[kind]
          if (bytes === undefined) continue
          const picture = await readFits(bytes)
          assert.ok(picture.width <= 63 && picture.height <= 63)
          assert.ok((await toPng(picture)).length > 500)
          pictures++
        }
      }
    assert.ok(pictures > 0)
  })
})
