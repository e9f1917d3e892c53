import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseHTML } from 'linkedom'
import { lightCurveSvg } from '../../src/service/light-curve-plot.ts'
import { lightCurveCsv } from '../../src/service/routes/objects.ts'
import * as example from '../../src/service/schema/examples.ts'
import type { ObjectView, PointView } from '../../src/service/schema/schemas.ts'
import type { Service } from '../../src/service/service.ts'
import { World } from './support.ts'

function point(mjd: number, more: Partial<PointView> = {}): PointView {
  const detection = { type: 'detection', magnitude: 18, error: 0.1, positive: true, candid: null } as const
  const quality = { realBogus: null, solarSystemDistance: null, admitted: true }
  return { jd: mjd + 2400000.5, mjd, band: 'g', ...detection, ...quality, ...more }
}

function object(lightCurve: readonly PointView[], objectId = 'ZTF18aaaaaaa'): ObjectView {
  return { objectId, lightCurve, newest: null, classification: null }
}

/** The drawn picture as a tree; throws where it is not well-formed. */
function drawn(view: ObjectView): ReturnType<typeof parseHTML>['document'] {
  return parseHTML(lightCurveSvg(view).replace(/^<\?xml.*\?>\n/, '')).document
}

const limit = { type: 'upperLimit', error: null, positive: null, magnitude: 20 } as const

describe('light curve as a picture', () => {
  const bands = (['g', 'r', 'i'] as const).map((band, at) => point(58000 + at, { band }))
  const view = object([...bands, point(58004, { positive: false }), point(58005, limit)])
  const text = lightCurveSvg(view)

  it('has a name, axes and a legend of what is there', () => {
    assert.match(text, /^<\?xml version="1.0" encoding="UTF-8"\?>\n<svg /)
    assert.match(text, /<title>Light curve of ZTF18aaaaaaa: /)
    for (const word of [
      'ZTF18aaaaaaa',
      'MJD',
      'Difference magnitude',
      'g ●',
      'r ■',
      'i ◆',
      'upper limit ▽',
      'negative ○'
    ])
      assert.ok(text.includes(`>${word}<`), word)
    assert.ok(!lightCurveSvg(object([point(58000)])).includes('upper limit'))
  })

  it('shows bands in the field’s colours, error bars, and triangles for limits', () => {
    for (const colour of ['#14803f', '#c62828', '#a15c00']) assert.ok(text.includes(`stroke="${colour}"`), colour)
    const tree = drawn(view)
    assert.equal(tree.querySelectorAll('[aria-label=rule] line').length, 4)
    assert.equal(tree.querySelectorAll('[aria-label=dot] path, [aria-label=dot] circle').length, 5)
    assert.ok(text.includes('rotate(180)'))
    assert.ok(text.includes('fill="white"'), 'a negative difference is hollow')
  })

  it('draws a huge error bar within the frame, and the axis for the magnitudes', () => {
    const tree = drawn(object([point(58000, { magnitude: 18.2, error: 1500 }), point(58001, { magnitude: 18.9 })]))
    const bars = [...tree.querySelectorAll('[aria-label=rule] line')].flatMap(line =>
      ['y1', 'y2'].map(name => Number(line.getAttribute(name)))
    )
    const frame = tree.querySelectorAll('rect')[1]
    const [top, height] = ['y', 'height'].map(name => Number(frame?.getAttribute(name))) as [number, number]
    assert.ok(bars.every(y => y >= top && y <= top + height))
    const places = [...tree.querySelectorAll('[aria-label=dot] g')].map(dot =>
      Number(/,([\d.]+)\)/.exec(dot.getAttribute('transform') ?? '')?.[1])
    )
    assert.ok(Math.abs((places[0] ?? 0) - (places[1] ?? 0)) > height / 4, 'the points are apart')
  })

  it('shows what the admission settings refuse hollow and dashed, without an error bar, and says so', () => {
    const refused = object([
      point(58000),
      point(58001, { admitted: false }),
      point(58002, { ...limit, admitted: true })
    ])
    const text = lightCurveSvg(refused)
    assert.ok(text.includes('>refused ◌<') && text.includes('1 detection · 1 refused'))
    const tree = drawn(refused)
    assert.equal(tree.querySelectorAll('[aria-label=rule] line').length, 1)
    const marks = tree.querySelectorAll('[stroke-dasharray][fill=none] circle')
    assert.equal(marks.length, 1)
    assert.ok(!lightCurveSvg(view).includes('refused'))
  })

  it('has the bright at the top', () => {
    const tree = drawn(object([point(58000, { magnitude: 17 }), point(58001, { magnitude: 19 })]))
    const heights = [...tree.querySelectorAll('[aria-label=rule] line')].map(line => Number(line.getAttribute('y1')))
    assert.ok(heights[0]! < heights[1]!)
  })

  it('is drawn of nothing, of one point, and of very many', () => {
    for (const count of [0, 1, 10_000]) {
      const text = lightCurveSvg(object(Array.from({ length: count }, (_, at) => point(58000 + at))))
      assert.ok(text.length < 400_000)
      assert.equal(text.includes('800 of 10000 points drawn'), count === 10_000)
    }
  })

  it('is well-formed whatever the object is called', () => {
    const name = '<script>alert(1)</script>&"\u0000\u202e'
    const text = lightCurveSvg(object([point(58000)], name))
    assert.ok(!text.includes('<script') && !text.includes('\u0000') && !text.includes('\u202e'))
  })
})

describe('light curve as a table', () => {
  it('has a point a line under its head, empty where nothing is known', () => {
    assert.equal(
      lightCurveCsv([
        point(58000, { candid: '2695378462115010012', realBogus: 0.125, admitted: false }),
        point(58001, limit)
      ]),
      'jd,mjd,band,type,magnitude,error,positive,candid,realBogus,solarSystemDistance,admitted\r\n' +
        '2458000.5,58000,g,detection,18,0.1,true,2695378462115010012,0.125,,false\r\n' +
        '2458001.5,58001,g,upperLimit,20,,,,,,true\r\n'
    )
  })
})

describe('light curves over HTTP', () => {
  const world = new World()
  let service: Service
  const get = (url: string, headers: Record<string, string> = {}) => service.app.inject({ url, headers })
  before(async () => {
    service = await world.service()
  })
  after(() => service.close())

  for (const [ending, type] of [
    ['csv', /^text\/csv; charset=utf-8; header=present$/],
    ['svg', /^image\/svg\+xml/]
  ] as const) {
    it(`are answered as ${ending}, and not again where nothing changed`, async () => {
      const answer = await get(`/api/v1/objects/ZTF20aaelulu/lightcurve.${ending}`)
      assert.equal(answer.statusCode, 200)
      assert.match(String(answer.headers['content-type']), type)
      assert.ok(String(answer.headers['content-disposition']).endsWith(`filename="ZTF20aaelulu.${ending}"`))
      const tag = String(answer.headers.etag)
      const again = await get(`/api/v1/objects/ZTF20aaelulu/lightcurve.${ending}`, { 'if-none-match': tag })
      assert.deepEqual([again.statusCode, again.body], [304, ''])
    })

    it(`an unknown object has none (${ending})`, async () => {
      const answer = await get(`/api/v1/objects/ZTF00nothing/lightcurve.${ending}`)
      assert.equal(answer.statusCode, 404)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
      assert.equal(answer.json().code, 'OBJECT_NOT_FOUND')
    })
  }

  it('a name of any letters is none in a header', async () => {
    const strange = 'a"b\r\nx: y'
    world.lookup = async objectId => ({ ...example.object, objectId })
    const answer = await get(`/api/v1/objects/${encodeURIComponent(strange)}/lightcurve.csv`)
    assert.equal(answer.headers['content-disposition'], 'attachment; filename="lightcurve.csv"')
  })
})

describe('the OpenAPI document', () => {
  it('has an example of every answer, errors included', async t => {
    const service = await new World().service()
    t.after(() => service.close())
    const document = service.app.swagger() as unknown as {
      paths: Record<string, { get: { responses: Record<string, { content: Record<string, Media> }> } }>
      components: { schemas: Record<string, { examples?: unknown[]; example?: unknown }> }
    }
    await service.close()
    interface Media {
      readonly example?: unknown
      readonly schema: { readonly $ref?: string }
    }
    const paths = Object.entries(document.paths)
    assert.ok(paths.length >= 10)
    for (const [path, { get }] of paths)
      for (const [status, { content }] of Object.entries(get.responses))
        for (const [type, media] of Object.entries(content)) {
          const named = document.components.schemas[media.schema.$ref?.split('/').at(-1) ?? '']
          const example = media.example ?? named?.examples?.[0] ?? named?.example
          assert.ok(example !== undefined, `${path} ${status} ${type} has no example`)
          if (type === 'application/problem+json') assert.equal((example as { status: number }).status, Number(status))
        }
  })

  it('a method that a path does not take is answered 405, with those it takes', async t => {
    const service = await new World().service()
    t.after(() => service.close())
    for (const method of ['POST', 'DELETE', 'TRACE'] as const) {
      const answer = await service.app.inject({ method: method as 'POST', url: '/api/v1/recent', payload: '{' })
      assert.equal(answer.statusCode, 405)
      assert.equal(answer.headers.allow, 'GET, HEAD')
      assert.equal(answer.json().code, 'METHOD_NOT_ALLOWED')
    }
  })
})
