import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { readModels } from '../../src/app/models.ts'
import { resolveRoutes } from '../../src/app/routes.ts'
import { printConfig } from '../../src/cli/print-config.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Route } from '../../src/config/routes.ts'
import { root } from '../support/shared.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-routes-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const text = (routes: string): readonly Route[] =>
  loadConfig({ env: { HIERAX_OUTPUT_ROUTES: routes } }).output.routes as readonly Route[]

function yaml(routes: string): readonly Route[] {
  const file = path.join(folder, 'config.yaml')
  fs.writeFileSync(file, `output:\n  routes: ${routes}\n`)
  return loadConfig({ env: {}, file }).output.routes as readonly Route[]
}

function failure(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}

describe('routes', () => {
  it('are the same as text and in YAML', () => {
    const cases: [string, string][] = [
      ['t=SN Ia>=0.8', '[{topic: t, node: SN Ia, minProbability: 0.8}]'],
      [
        'early=SN Ia>=0.9 & minDetections=2 & maxAgeDays=10 & band=g,r & positive & notNearStar & retract',
        '[{topic: early, node: SN Ia, minProbability: 0.9, minDetections: 2, maxAgeDays: 10, band: [g, r], positive: true, notNearStar: true, retract: true}]'
      ],
      [
        'both=Transient@purity>=0.9 & SN Ia>=.5',
        '[{topic: both, all: [{node: Transient, minPurity: 0.9}, {node: SN Ia, minProbability: 0.5}]}]'
      ],
      [
        'either=CV/Nova>=0.9 | TDE@purity>=0.8 & maxNovelty=0.5',
        '[{topic: either, any: [{node: CV/Nova, minProbability: 0.9}, {node: TDE, minPurity: 0.8}], maxNovelty: "0.5"}]'
      ],
      [
        'odd=minNovelty=0.95 & minMagnitude=15 & maxMagnitude=18.5; faint=positive=false & notNearStar=2/0.5 & retract=false',
        '[{topic: odd, minNovelty: 0.95, minMagnitude: 15, maxMagnitude: 18.5}, {topic: faint, positive: "false", notNearStar: {distance: 2, score: 0.5}, retract: false}]'
      ],
      ['one=band=i', '[{topic: one, band: i}]'],
      ['t=A>=0.5;t=A>=0.3 & band=g', '[{topic: t, node: A, minProbability: 0.5}, "t=A>=0.3 & band=g"]']
    ]
    for (const [written, structured] of cases) assert.deepEqual(text(written), yaml(structured), written)
  })

  it('may name nodes that hold the marks of the text', () => {
    const node = (name: string) => [{ topic: 't', node: name, minProbability: 0.5 }]
    for (const name of ['A & B', 'x>=y=z', 'A | B', 'A&B|C', 'minDetections'])
      assert.deepEqual(text(`t=${name}>=0.5`), node(name))
  })

  it('are printed as they are read', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const node = fc.oneof(
      fc.record({ node: fc.string({ minLength: 1 }), minProbability: share }, { noNullPrototype: true }),
      fc.record({ node: fc.string({ minLength: 1 }), minPurity: share }, { noNullPrototype: true })
    )
    const nodes = fc.array(node, { minLength: 1, maxLength: 3 })
    const route = fc.record(
      {
        topic: fc.stringMatching(/^[a-z]{3,9}$/),
        any: nodes,
        all: nodes,
        minDetections: fc.integer({ min: 1, max: 50 }),
        maxAgeDays: fc.double({ min: 0, max: 1000, noNaN: true }),
        band: fc.uniqueArray(fc.constantFrom('g', 'r', 'i'), { minLength: 1 }),
        positive: fc.boolean(),
        maxNovelty: share,
        minMagnitude: fc.double({ min: -10, max: 40, noNaN: true }),
        notNearStar: fc.oneof(fc.boolean(), fc.record({ distance: share, score: share }, { noNullPrototype: true })),
        retract: fc.boolean()
      },
      { requiredKeys: ['topic', 'any'], noNullPrototype: true }
    )
    fc.assert(
      fc.property(fc.uniqueArray(route, { selector: ({ topic }) => topic, maxLength: 4 }), routes => {
        const config = loadConfig({ env: {}, overrides: { 'output.routes': routes } })
        assert.deepEqual(config.output.routes, routes)
        const file = path.join(folder, 'printed.yaml')
        fs.writeFileSync(file, printConfig(config))
        assert.deepEqual(loadConfig({ env: {}, file }), config)
      }),
      { numRuns: 50 }
    )
  })

  const refused: [string, RegExp][] = [
    [
      't=A>=0.5 & minDetection=2',
      /^output\.routes\[0\]\.minDetection .*got 2, expected one of topic, .*; the nearest is minDetections$/
    ],
    [
      'u=A>=0.5;t=A>=0.5 & minDetections=0',
      /^output\.routes\[1\]\.minDetections .*got 0, expected a whole number of at least 1$/
    ],
    ['t=A>=0.5 & minDetections=2.5', /minDetections .*got 2\.5/],
    ['t=A>=0.5 & maxAgeDays=-1', /^output\.routes\[0\]\.maxAgeDays .*got -1, expected a number of days of at least 0$/],
    ['t=A>=0.5 & maxAgeDays=ten', /maxAgeDays .*got "ten"/],
    ['t=A>=0.5 & band=g,z', /^output\.routes\[0\]\.band.* expected g, r or i$/],
    ['t=A>=0.5 & positive=yes', /^output\.routes\[0\]\.positive .*got "yes", expected true or false$/],
    ['t=A>=0.5 & maxNovelty=2', /^output\.routes\[0\]\.maxNovelty .*got 2, expected a number from 0 to 1$/],
    ['t=A>=0.5 & notNearStar=2', /^output\.routes\[0\]\.notNearStar .*expected true, or a distance/],
    ['t=A>=0.5 & notNearStar=2/3', /^output\.routes\[0\]\.notNearStar .*expected true, or a distance/],
    [
      't=A>=0.5 & minMagnitude=20 & maxMagnitude=18',
      /^output\.routes\[0\] .*expected minMagnitude of at most maxMagnitude: .* at least 20 and at most 18$/
    ],
    ['t=minNovelty=0.8 & maxNovelty=0.2', /expected minNovelty of at most maxNovelty/],
    ['t=A>=0.5 & maxAgeDays=1 & maxAgeDays=2', /^output\.routes\[0\] .*expected a list of/],
    ['t=retract', /^output\.routes\[0\] .*expected at least one condition besides topic and retract$/],
    ['t=A>=0.5 & B>=1.5', /^output\.routes\[0\]\.all\[1\]\.minProbability .*got 1\.5, expected a number from 0 to 1$/],
    ['t=A>=0.5 & nonsense', /^output\.routes\[0\] .*got "t=A>=0\.5 & nonsense"/],
    ['t=A>=0.5 & band=g;t=A>=0.6 & band=g', /no topic and node twice/],
    ['t=A>=0.5 & retract;t=B>=0.5', /^output\.routes\[0\] .*expected retract on all routes of the topic t, or on none$/]
  ]
  for (const [given, expected] of refused)
    it(`refuses ${given}`, () =>
      assert.match(
        failure(() => text(given)),
        expected
      ))

  it('of docs/operate.md are the same in YAML and as text, and fit the bundled model', async () => {
    const page = fs.readFileSync(path.join(root, 'docs/operate.md'), 'utf8')
    const section = page.slice(page.indexOf('\n## Routes\n'), page.indexOf('\n## Routes by purity\n'))
    const [, structured = ''] = /```yaml\n(.*?)```/s.exec(section) ?? []
    const file = path.join(folder, 'docs.yaml')
    fs.writeFileSync(file, structured)
    const { routes } = loadConfig({ env: {}, file }).output
    const [, written = ''] = /HIERAX_OUTPUT_ROUTES='(.*?)'/s.exec(section) ?? []
    assert.ok(routes.length >= 4)
    assert.deepEqual(text(written.replaceAll('\\\n', '')), routes)
    const config = loadConfig({ env: {} })
    assert.equal(resolveRoutes(routes, await readModels(config)).routes.length, routes.length)
  })

  it('refuses YAML with unknown keys and incomplete nodes', () => {
    const cases: [string, RegExp][] = [
      ['[{topic: t, any: []}]', /^output\.routes\[0\]\.any .*got \[\], expected a list of nodes$/],
      [
        '[{topic: t, all: [{node: A}]}]',
        /^output\.routes\[0\]\.all\[0\] .*expected either minProbability or minPurity/
      ],
      ['[{topic: t, all: [{node: A, minProbability: 1, band: g}]}]', /expected either minProbability or minPurity/],
      ['[{topic: t, minProbability: 0.5}]', /\{topic, node, minPurity\}/],
      ['[{topic: t, node: A, minProbability: 0.5, notNearStar: {distance: 2}}]', /notNearStar .*got \{"distance":2\}/],
      ['[{topic: "a b", band: g}]', /^output\.routes\[0\]\.topic .*got "a b"/]
    ]
    for (const [given, expected] of cases)
      assert.match(
        failure(() => yaml(given)),
        expected
      )
  })
})
