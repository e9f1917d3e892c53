import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Cone, cellOf, cellsAround, nowhere, type Position, separation } from '../../src/lightcurves/sky.ts'

/** The angle between two positions by their vectors, arcsec: the other formula, exact for all but the smallest angles. */
function byVectors(a: Position, b: Position): number {
  const vector = ({ ra, dec }: Position): [number, number, number] => {
    const [r, d] = [(ra * Math.PI) / 180, (dec * Math.PI) / 180]
    return [Math.cos(d) * Math.cos(r), Math.cos(d) * Math.sin(r), Math.sin(d)]
  }
  const [p, q] = [vector(a), vector(b)]
  const chord = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
  return 2 * Math.asin(Math.min(1, chord / 2)) * (180 / Math.PI) * 3600
}

/** A position at a distance (arcsec) and position angle (degrees) from another one. */
function moved({ ra, dec }: Position, distance: number, angle: number): Position {
  const rad = Math.PI / 180
  const [r, a] = [(distance / 3600) * rad, angle * rad]
  const sine = Math.sin(dec * rad) * Math.cos(r) + Math.cos(dec * rad) * Math.sin(r) * Math.cos(a)
  const y = Math.sin(a) * Math.sin(r) * Math.cos(dec * rad)
  const x = Math.cos(r) - Math.sin(dec * rad) * sine
  return {
    ra: (((ra + Math.atan2(y, x) / rad) % 360) + 360) % 360,
    dec: Math.asin(Math.max(-1, Math.min(1, sine))) / rad
  }
}

const edges = [-90, -89.9999, -0.00001, 0, 0.00001, 89.9999, 90]
const position = fc.record({
  ra: fc.oneof(fc.double({ min: 0, max: 360, noNaN: true }), fc.constantFrom(0, 0.00001, 359.99999, 360)),
  dec: fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(...edges))
})
const radius = fc.oneof(fc.double({ min: 0, max: 36_000, noNaN: true }), fc.constantFrom(0, 1, 60))

const inside = (ranges: ReturnType<typeof cellsAround>, cell: number): boolean =>
  ranges.some(([first, last]) => first <= cell && cell <= last)

describe('cells of the sky', () => {
  test('of a cone have all that is in it, at the poles and at right ascension 0 too', () => {
    fc.assert(
      fc.property(
        position,
        radius,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 360, noNaN: true }),
        (centre, arcsec, share, angle) => {
          const cone: Cone = { ...centre, radius: arcsec }
          const found = cellOf(moved(centre, arcsec * share, angle))
          assert.ok(inside(cellsAround(cone), found))
          assert.ok(inside(cellsAround(cone), cellOf(centre)))
        }
      ),
      { numRuns: 3000 }
    )
  })

  test('of a small cone are few, and in order', () => {
    const [first, ...more] = cellsAround({ ra: 150, dec: 20, radius: 5 })
    assert.ok(first && first[1] - first[0] <= 2 && more.length <= 1)
    fc.assert(
      fc.property(position, radius, (centre, arcsec) => {
        const ranges = cellsAround({ ...centre, radius: arcsec })
        for (const [index, [from, to]] of ranges.entries()) {
          assert.ok(from <= to && to < nowhere)
          if (index > 0) assert.ok((ranges[index - 1] as readonly [number, number])[1] < from)
        }
      })
    )
  })

  test('number what has no position apart', () => {
    assert.equal(cellOf(null), nowhere)
    assert.equal(cellOf({ ra: 360, dec: 0 }), cellOf({ ra: 0, dec: 0 }))
  })
})

test('the angle between positions is right for small and large ones', () => {
  fc.assert(
    fc.property(position, position, (a, b) => {
      assert.ok(Math.abs(separation(a, b) - byVectors(a, b)) < 1e-3)
    })
  )
  assert.ok(Math.abs(separation({ ra: 359.9999, dec: 0 }, { ra: 0.0001, dec: 0 }) - 0.72) < 1e-9)
  assert.ok(Math.abs(separation({ ra: 10, dec: 60 }, { ra: 10 + 1 / 1800, dec: 60 }) - 1) < 1e-6)
})
