import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { resolveDesc } from '../../src/app/desc-classes.ts'
import { type KnownModel, readModels } from '../../src/app/models.ts'
import { parseTaxonomy } from '../../src/classifier/model/taxonomy.ts'
import type { TaxonomyNode } from '../../src/classifier/types.ts'
import { encodeForDesc } from '../../src/messages/desc.ts'
import { readDesc, sumOf } from '../support/desc.ts'
import { firstModel, referenceModel } from '../support/models.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { root } from '../support/shared.ts'

const [bundled, first, reference] = [
  ...(await readModels({ model: [] })),
  ...(await readModels({ model: [firstModel, referenceModel] }))
] as KnownModel[] as [KnownModel, KnownModel, KnownModel]
const known: Record<string, string> = JSON.parse(fs.readFileSync(path.join(root, 'schemas/desc/classes.json'), 'utf8'))
const ids = Object.keys(known)
  .map(Number)
  .filter(id => id !== 300)

type FileNode = Pick<TaxonomyNode, 'name' | 'parent'> & { classId?: number }

/** A model with this tree. */
function modelOf(nodes: readonly FileNode[], name = 'mine'): KnownModel {
  const taxonomy = parseTaxonomy(JSON.stringify({ name, version: '1', root: 'Object', nodes }))
  return {
    ...bundled,
    card: { ...bundled.card, name: 'own', version: '3' },
    sha256: sample.classifier.sha256,
    taxonomy
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-desc-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

function fileOf(text: string): string {
  const file = path.join(folder, 'classes.json')
  fs.writeFileSync(file, text)
  return file
}

function classesOf(model: KnownModel, classes: string | null = null): Record<string, number> {
  return Object.fromEntries(resolveDesc({ topic: 'desc', classes }, [model])?.classes.get(model.sha256) ?? [])
}

const tree = [
  { name: 'A', parent: 'Object' },
  { name: 'A1', parent: 'A' },
  { name: 'A2', parent: 'A' },
  { name: 'B', parent: 'Object' }
]

test('every leaf of the bundled models has a class, and the classes have the names that ELAsTiCC gives them', () => {
  const names = Object.entries(classesOf(bundled)).map(([leaf, id]) => [leaf, known[id]])
  assert.deepEqual(Object.fromEntries(names), {
    'SN Ia-norm': 'Ia',
    'SN Ia-91T': 'Ia',
    'SN Ia-91bg': '91bg',
    'SN Ia-pec': 'SN-like/Other',
    'SN II': 'II',
    'SN IIb': 'II',
    'SN IIn': 'II',
    'SN Ib': 'Ib/c',
    'SN Ic': 'Ib/c',
    'SN Ic-BL': 'Ib/c',
    'SN Ibn': 'Ib/c',
    'SLSN-I': 'SLSN',
    'SLSN-II': 'SLSN',
    TDE: 'TDE',
    AGN: 'AGN',
    'CV/Nova': 'Fast',
    'Long-period variable': 'LPV/Mira',
    'Young star': 'Non-Periodic/Other',
    Rotational: 'Periodic/Other',
    'RR Lyrae': 'RR Lyrae',
    Cepheid: 'Cepheid',
    'Delta Scuti': 'Delta Scuti',
    Binary: 'EB'
  })
  assert.deepEqual([known[200], known[300]], ['Residual', 'NotClassified'])
  for (const model of [first, reference]) assert.ok(!Object.values(classesOf(model)).includes(200))
  const nodes = bundled.taxonomy.nodes.map(({ name }) => name)
  const mapped = Object.keys(JSON.parse(fs.readFileSync(path.join(root, 'schemas/desc/ztf-tree.json'), 'utf8')))
  assert.deepEqual(
    mapped.filter(name => !nodes.includes(name)),
    []
  )
})

test('a leaf has its own class, else that of its nearest ancestor, else Residual', () => {
  const withIds = (more: Record<string, number>, nodes: readonly FileNode[] = tree) =>
    modelOf(nodes.map(node => (more[node.name] === undefined ? node : { ...node, classId: more[node.name] as number })))
  assert.deepEqual(classesOf(withIds({ A: 2220, A1: 2222 })), { A1: 2222, A2: 2220, B: 200 })
  const rooted = [{ name: 'Object', parent: null }, ...tree]
  assert.deepEqual(classesOf(withIds({ Object: 2100, A1: 2222 }, rooted)), { A1: 2222, A2: 2100, B: 2100 })
  const file = fileOf('{"B": 2332}')
  assert.deepEqual(classesOf(withIds({ A: 2220 }), file), { A1: 200, A2: 200, B: 2332 }, 'a file replaces the ids')
})

test('without a topic there are no classes', () => {
  assert.equal(resolveDesc({ topic: null, classes: null }, [modelOf(tree)]), null)
})

test('what is wrong with class ids is said with the value and what to do', () => {
  const refused = (message: RegExp, nodes: readonly FileNode[], text: string | null = null) =>
    assert.throws(() => classesOf(modelOf(nodes), text === null ? null : fileOf(text)), {
      code: 'CONFIG_INVALID',
      message
    })
  refused(
    /^output\.desc: the taxonomy "mine" of own 3 has no class ids; name a map in output\.desc\.classes, or give its nodes a classId$/,
    tree
  )
  refused(/the taxonomy "mine" of own 3: "A" has the class id 2227, expected one of 0, 100, .*2332$/, [
    { name: 'A', parent: 'Object', classId: 2227 }
  ])
  refused(/"A" has the class id 300, which is that of alerts without probabilities; give another$/, tree, '{"A": 300}')
  refused(
    /^output\.desc\.classes: \/.*classes\.json: "A" has the class id 2222\.5, expected one of/,
    tree,
    '{"A": 2222.5}'
  )
  refused(/classes\.json: "SN" is not a node of any model; the nearest is "A"$/, tree, '{"A": 2222, "SN": 2220}')
  refused(/classes\.json, line 2: "A" occurs twice; keep one of them$/, tree, '{"A": 2222,\n"A": 2220}')
  refused(/classes\.json: .*expected number, received string/, tree, '{"A": "2222"}')
  refused(/classes\.json: not JSON/, tree, 'A: 2222')
  refused(/has no class ids; add some of its nodes to output\.desc\.classes$/, tree, '{}')
  assert.throws(() => classesOf(modelOf(tree), path.join(folder, 'none.json')), {
    code: 'CONFIG_INVALID',
    message: /none\.json: can't be read \(ENOENT\)$/
  })
})

/** A random tree in which some nodes have ids, and its probabilities. */
const randomTree = fc
  .array(
    fc.record({
      parent: fc.nat(),
      classId: fc.option(fc.constantFrom(...ids), { nil: undefined }),
      weight: fc.double({ min: 0, max: 50, noNaN: true })
    }),
    { minLength: 1, maxLength: 40 }
  )
  .map(drawn => [{ parent: 0, classId: 2000, weight: 1 }, ...drawn])
  .map(drawn =>
    drawn.map(({ parent, classId, weight }, index) => ({
      node: {
        name: `n${index}`,
        parent: index === 0 || parent % (index + 1) === index ? 'Object' : `n${parent % index}`,
        ...(classId === undefined ? {} : { classId })
      },
      weight
    }))
  )

test('the probabilities of a message sum to 1, and its ids are those of the map, each once', () => {
  fc.assert(
    fc.property(randomTree, drawn => {
      const model = modelOf(drawn.map(({ node }) => node))
      const { nodes, siblings, parents } = model.taxonomy
      const weights = new Map(drawn.map(({ node, weight }) => [node.name, Math.exp(-weight)]))
      const of = (index: number) => weights.get((nodes[index] as TaxonomyNode).name) as number
      const probability: number[] = []
      for (const group of siblings) {
        const sum = group.reduce((total, index) => total + of(index), 0)
        // Groups are in the order of their parents.
        for (const index of group) {
          const parent = parents[index] as number
          probability[index] = (of(index) / sum) * (parent < 0 ? 1 : (probability[parent] as number))
        }
      }
      const body = {
        ...sample,
        nodes: nodes.map((node, i) => ({ ...node, conditional: 1, probability: probability[i] as number }))
      }
      const desc = resolveDesc({ topic: 'desc', classes: null }, [model])
      assert.ok(desc)
      const message = readDesc(encodeForDesc(body, { ingested: 1 }, desc))
      assert.ok(Math.abs(sumOf(message) - 1) < 1e-6, `they sum to ${sumOf(message)}`)
      const found = message.classifications.map(({ classId }) => classId)
      assert.deepEqual(
        found,
        [...new Set(Object.values(classesOf(model)))].sort((a, b) => a - b)
      )
      const allowed = new Set([200, ...drawn.map(({ node }) => node.classId)])
      assert.ok(found.every(id => allowed.has(id)))
    }),
    { numRuns: 300 }
  )
})
