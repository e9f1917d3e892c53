import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { merged } from '../src/data/rows.ts'
import { type Classification, supersedes } from '../src/data/types.ts'
import { hideable, queryOf, toggled, type View, viewOf } from '../src/data/view.ts'
import { moved, type Range, zoomed } from '../src/draw/axis.ts'
import { degreesText, hoursText, probabilityText } from '../src/draw/format.ts'
import { fromGalactic, toGalactic } from '../src/draw/galactic.ts'
import { apart, linesOf, maxLines } from '../src/draw/lines.ts'
import { bandsOf, branchesOf, planOf } from '../src/draw/river.ts'
import { grown, PageWorld, probabilitiesOf } from './world.ts'

const world = new PageWorld()
const answer = (id: string, detections: number, changes = {}) =>
  world.answer(id, detections, 0.5, changes) as unknown as Classification

describe('address', () => {
  const text = fc.option(fc.stringMatching(/^[\w. /-]{0,20}[\w]$/).map(value => value.trim()))
  const share = fc.option(fc.integer({ min: 0, max: 20 }).map(value => value / 20))
  const views: fc.Arbitrary<View> = fc.record(
    {
      object: text,
      at: fc.option(fc.integer({ min: 1, max: 5000 })),
      model: text,
      focus: text,
      node: text,
      min: share,
      novelty: share,
      band: fc.option(fc.constantFrom('g', 'r', 'i')),
      status: fc.option(fc.constantFrom('CLASSIFIED', 'NOT_CLASSIFIED')),
      id: text,
      conditional: fc.boolean(),
      days: fc.boolean(),
      hide: fc.option(fc.subarray([...hideable], { minLength: 1 })),
      zoom: fc.option(
        fc
          .tuple(fc.integer({ min: 0, max: 9e7 }), fc.integer({ min: 1, max: 9e7 }))
          .map(([from, length]) => [from / 1e3, (from + length) / 1e3] as const)
      )
    },
    { noNullPrototype: true }
  )

  it('preserves the whole view', () => {
    fc.assert(fc.property(views, view => assert.deepEqual(viewOf(queryOf(view)), view)))
  })

  it('ignores what it cannot parse', () => {
    const { at, min, band, object } = viewOf('?at=-3&min=7&band=u&object=%20')
    assert.deepEqual([at, min, band, object], [null, null, null, null])
    for (const zoom of ['1', '2,1', '1,1', 'a,b', '1,2,3', ',', '-1,5', 'NaN,1'])
      assert.equal(viewOf(`?zoom=${zoom}`).zoom, null)
    assert.equal(viewOf('?hide=x,').hide, null)
    assert.deepEqual(viewOf('?hide=limits,x,g,g').hide, ['g', 'limits'])
  })

  it('hides and shows again', () => {
    const hidden = { ...viewOf(''), ...toggled(viewOf(''), 'limits') }
    assert.deepEqual(hidden.hide, ['limits'])
    assert.deepEqual(toggled(hidden, 'g').hide, ['g', 'limits'])
    assert.equal(toggled(hidden, 'limits').hide, null)
  })
})

describe('supersedes and merged', () => {
  it('the current classification has the greatest time, candid and revision, in any order of arrival', () => {
    const first = answer('ZTF20aaaaaaa', 3)
    const later = answer('ZTF20aaaaaaa', 5)
    const reprocessed = answer('ZTF20aaaaaaa', 5, { candid: '9007199254740993', jd: later.jd })
    const larger = answer('ZTF20aaaaaaa', 5, { candid: '9007199254740994', jd: later.jd })
    const revised = { ...later, lightCurve: { ...later.lightCurve, revision: 999 } }
    assert.ok(supersedes(later, first) && !supersedes(first, later))
    assert.ok(supersedes(larger, reprocessed) && !supersedes(reprocessed, larger))
    assert.ok(supersedes(revised, later) && !supersedes(later, revised))
    for (const order of [
      [first, later, revised],
      [revised, later, first],
      [later, revised, first]
    ]) {
      let rows: Classification[] = []
      for (const one of order) rows = merged([one], rows)
      assert.deepEqual(rows, [revised])
    }
  })

  it('a new arrival moves to the top of the list, which stays bounded', () => {
    const many = Array.from({ length: 200 }, (_, index) => answer(`ZTF20${index}`, 2))
    const rows = merged(many, [])
    assert.ok(rows.length <= 80)
    const again = merged([answer('ZTF20aa', 4)], rows)
    assert.equal(again[0]?.objectId, 'ZTF20aa')
    assert.equal(again.length, rows.length)
  })
})

describe('river', () => {
  const shares = fc.double({ min: 0, max: 1, noNaN: true })

  it('has a band for each node as wide as its probability, within that of its parent', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        shares,
        fc.integer({ min: 300, max: 3000 }),
        (size, share, width) => {
          const nodes = grown(size).map(node => ({ ...node, parent: node.parent === 'Object' ? null : node.parent }))
          const branches = branchesOf(nodes)
          assert.equal(branches.length, size)
          const plan = planOf(branches, width, 24, 110)
          const marginal = new Map(
            nodes.map(({ name }, index) => [name, probabilitiesOf(grown(size), share)[index] ?? 0])
          )
          const bands = bandsOf(
            branches,
            plan,
            branches.map(({ name }) => marginal.get(name) ?? 0)
          )
          for (const [place, { name, children, parent }] of branches.entries()) {
            assert.ok(Math.abs((bands[place]?.width ?? 0) - (marginal.get(name) ?? 0) * plan.full) < 1e-9)
            const below = children.reduce((sum, child) => sum + (bands[child]?.width ?? 0), 0)
            assert.ok(below <= (bands[place]?.width ?? 0) + 1e-6)
            const { y = 0 } = plan.places[place] ?? {}
            assert.ok(y >= 0 && y <= plan.height)
            assert.ok(parent < place)
          }
        }
      ),
      { numRuns: 60 }
    )
  })
})

describe('zoom', () => {
  const extent: Range = [59000, 59100]
  const ranges = fc
    .tuple(fc.double({ min: 59000, max: 59099, noNaN: true }), fc.double({ min: 0.02, max: 99, noNaN: true }))
    .map(([from, length]): Range => [from, Math.min(from + length, extent[1])])

  it('stays within the data, whatever is done', () => {
    fc.assert(
      fc.property(
        ranges,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (range, factor, share) => {
          const around = range[0] + ((share + 1) / 2) * (range[1] - range[0])
          for (const next of [zoomed(range, factor, around, extent), moved(range, share, extent)]) {
            if (next === null) continue
            assert.ok(next[0] >= extent[0] && next[1] <= extent[1] + 1e-4 && next[1] > next[0], String(next))
          }
        }
      )
    )
  })

  it('keeps the time under the pointer in its place, and ends with all of the data', () => {
    assert.deepEqual(zoomed(extent, 2, 59020, extent), [59010, 59060])
    assert.deepEqual(zoomed([59010, 59060], 2, 59060, extent), [59035, 59060])
    assert.equal(zoomed([59010, 59060], 0.4, 59020, extent), null)
    assert.deepEqual(moved([59010, 59060], 0.5, extent), [59035, 59085])
    assert.deepEqual(moved([59010, 59060], -3, extent), [59000, 59050])
  })
})

describe('lines of the history', () => {
  it('are few, and include the final class and the highlighted node', async () => {
    world.say(world.answer('ZTF20aaaaaaa', 9, 0.8))
    const history = await world.history('ZTF20aaaaaaa')
    assert.ok(history)
    const lines = linesOf(history, 'Persistent')
    assert.ok(lines.length <= maxLines)
    assert.ok(lines.some(({ name }) => name === 'Persistent'))
    assert.ok(lines.some(({ name }) => name === 'Transient'))
  })

  it('have labels that do not overlap', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 }), places => {
        const moved = apart(places, 14, 0, 200).sort((a, b) => a - b)
        for (const [index, place] of moved.entries()) {
          assert.ok(place >= -1e-9 && place <= 200)
          if (index > 0) assert.ok(place - (moved[index - 1] as number) >= 14 - 1e-9)
        }
      })
    )
  })
})

describe('numbers', () => {
  it('never read 0 or 1 unless exact', () => {
    assert.deepEqual([0, 0.001, 0.5, 0.994, 0.9951, 1].map(probabilityText), [
      '0.00',
      '<0.01',
      '0.50',
      '0.99',
      '>0.99',
      '1.00'
    ])
  })

  it('are sexagesimal for positions', () => {
    assert.equal(hoursText(185.7289), '12h 22m 54.94s')
    assert.equal(degreesText(-5.5), '−05° 30′ 00.0″')
  })

  it('convert to galactic coordinates and back', () => {
    const [l, b] = toGalactic(266.405, -28.936)
    assert.ok(Math.min(l, 360 - l) < 0.01 && Math.abs(b) < 0.01)
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 359.9, noNaN: true }),
        fc.double({ min: -89, max: 89, noNaN: true }),
        (ra, dec) => {
          const [back, there] = fromGalactic(...toGalactic(ra, dec))
          assert.ok(Math.abs(there - dec) < 1e-6)
          assert.ok(Math.abs(((back - ra + 540) % 360) - 180) * Math.cos((dec * Math.PI) / 180) < 1e-6)
        }
      )
    )
  })
})
