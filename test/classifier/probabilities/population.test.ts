import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTaxonomy } from '../../../src/classifier/model/taxonomy.ts'
import {
  describePopulation,
  type PopulationCard,
  type PopulationSetting,
  populationOf,
  priorTerms
} from '../../../src/classifier/probabilities/population.ts'
import { nodeProbabilities } from '../../../src/classifier/probabilities/probabilities.ts'

const taxonomy = parseTaxonomy(
  JSON.stringify({
    name: 'small',
    version: '1',
    root: 'Root',
    nodes: [
      { name: 'Transient', parent: 'Root' },
      { name: 'SN Ia', parent: 'Transient' },
      { name: 'SN Ib/c', parent: 'Transient' },
      { name: 'Persistent', parent: 'Root' },
      { name: 'AGN', parent: 'Persistent' },
      { name: 'CV/Nova', parent: 'Persistent' },
      { name: 'Periodic', parent: 'Persistent' }
    ]
  })
)
const priors = {
  Transient: 0.9,
  'SN Ia': 0.6,
  'SN Ib/c': 0.3,
  Persistent: 0.1,
  AGN: 0.05,
  'CV/Nova': 0.02,
  Periodic: 0.02
}
const marginal = Float64Array.from(taxonomy.nodes, ({ name }) => priors[name as keyof typeof priors])
const card: PopulationCard = {
  name: 'made',
  version: '1.2.3',
  priors,
  populations: {
    labelled: { description: 'the training set', shares: { Transient: 0.9, Persistent: 0.1 } },
    stream: { description: 'the stream', shares: { Persistent: 0.98, Transient: 0.02 } }
  }
}
const of = (setting?: PopulationSetting, changes: Partial<PopulationCard> = {}) =>
  populationOf({ ...card, ...changes }, taxonomy, setting)

describe('the population of a model', () => {
  test('is a population of its card by name, `stream` unless another is named', () => {
    assert.deepEqual(of(), { name: 'stream', shares: { Transient: 0.02, Persistent: 0.98 } })
    assert.deepEqual(of('stream'), of())
    assert.deepEqual(of('labelled'), { name: 'labelled', shares: { Transient: 0.9, Persistent: 0.1 } })
    assert.deepEqual(Object.keys(of()?.shares ?? {}), ['Transient', 'Persistent'], 'in the order of the tree')
  })

  test('is that of the training where the card has none, and the first where it has no `stream`', () => {
    assert.equal(of(undefined, { populations: undefined }), null)
    assert.equal(of('stream', { populations: {}, priors: null }), null)
    const { labelled } = card.populations as NonNullable<PopulationCard['populations']>
    assert.equal(
      of(undefined, { populations: { labelled: labelled as NonNullable<typeof labelled> } })?.name,
      'labelled'
    )
  })

  test('is made of shares of whole groups of siblings, scaled to 1', () => {
    assert.deepEqual(of({ Persistent: 0.62, Transient: 0.38 }), {
      name: 'custom',
      shares: { Transient: 0.38, Persistent: 0.62 }
    })
    const shares = of({ 'CV/Nova': 0.3, AGN: 0.3, Periodic: 0.4005 })?.shares ?? {}
    assert.deepEqual(Object.keys(shares), ['AGN', 'CV/Nova', 'Periodic'])
    assert.ok(Math.abs(Object.values(shares).reduce((sum, each) => sum + each) - 1) < 1e-12)
    assert.ok(
      of({ Persistent: 0.62, Transient: 0.38 }, { populations: undefined }),
      'of a card without populations too'
    )
  })

  const refused: [PopulationSetting, RegExp, Partial<PopulationCard>?][] = [
    ['steam', /"steam".* made 1\.2\.3 has labelled, stream; the nearest is stream/],
    ['constructor', /"constructor".* has labelled, stream/],
    ['labelled', /made 1\.2\.3 has no populations/, { populations: undefined }],
    [{ Transiet: 0.4, Persistent: 0.6 }, /"Transiet", which is not a node of small.*nearest is Transient/],
    [{ Root: 1 }, /"Root", which is not a node of small below its root/],
    [{ Transient: 1 }, /Transient, Persistent are siblings.*missing: Persistent/],
    [{ Transient: 0.4, Persistent: 0.7 }, /Transient, Persistent sum to 1\.1, expected 1/],
    [{ Transient: 0, Persistent: 1 }, /share 0 for "Transient"/],
    [{ Transient: Number.NaN, Persistent: 1 }, /share NaN/],
    [{}, /no shares/],
    [{ Transient: 0.4, Persistent: 0.6 }, /`priors` is null/, { priors: null }]
  ]
  for (const [setting, message, changes] of refused) {
    test(`refuses ${JSON.stringify(setting)}${changes ? ` of a card with ${JSON.stringify(changes)}` : ''}`, () => {
      assert.throws(() => of(setting, changes), { code: 'CONFIG_INVALID', message })
    })
  }

  test('a card whose own shares are wrong is the card’s fault', () => {
    const populations = { stream: { description: 'x', shares: { Transient: 0.5 } } }
    assert.throws(() => of('stream', { populations }), {
      code: 'MODEL_INVALID',
      message: /"stream".*missing: Persistent/
    })
    assert.throws(() => of('stream', { priors: null }), { code: 'MODEL_INVALID', message: /no `priors`/ })
  })

  test('is described with its shares', () => {
    assert.equal(describePopulation(of('labelled')), 'labelled (Transient 0.9, Persistent 0.1)')
    assert.equal(describePopulation(null), 'the class mix of the training set')
  })
})

describe('prior terms', () => {
  const share = fc.double({ min: 0.001, max: 1, noNaN: true })
  const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true })

  test('with a softmax give what Bayes’ rule gives for the shares', () => {
    fc.assert(
      fc.property(
        fc.tuple(share, share),
        fc.tuple(share, share, share),
        fc.array(positive, { minLength: 7, maxLength: 7 }),
        ([t, p], below, likelihood) => {
          const sum = below.reduce((total, each) => total + each, 0)
          const [agn = 0, cv = 0, periodic = 0] = below.map(each => each / sum)
          const shares = {
            Transient: t / (t + p),
            Persistent: p / (t + p),
            AGN: agn,
            'CV/Nova': cv,
            Periodic: periodic
          }
          const population = of(shares)
          // Logits of a network that knows the likelihoods at the class mix of its training.
          const logits = likelihood.map((each, node) => Math.log(each) + Math.log(marginal[node] as number))
          const terms = priorTerms(population, marginal, taxonomy)
          const { conditional } = nodeProbabilities(
            taxonomy,
            logits.map((logit, node) => logit + (terms[node] as number))
          )
          for (const group of taxonomy.siblings) {
            const weights = group.map(node => {
              const { name } = taxonomy.nodes[node] as { name: string }
              const named = (shares as Record<string, number>)[name]
              return (likelihood[node] as number) * (named ?? (marginal[node] as number))
            })
            const total = weights.reduce((all, each) => all + each, 0)
            group.forEach((node, at) => {
              const want = (weights[at] as number) / total
              assert.ok(Math.abs((conditional[node] as number) - want) < 1e-9)
            })
          }
        }
      )
    )
  })

  test('are 0 without a population, in groups that it does not name, and at the mix of the training', () => {
    assert.deepEqual([...priorTerms(null, null, taxonomy)], [0, 0, 0, 0, 0, 0, 0])
    const terms = priorTerms(of('stream'), marginal, taxonomy)
    assert.deepEqual(
      taxonomy.nodes.flatMap(({ name }, node) => (terms[node] === 0 ? [] : [name])),
      ['Transient', 'Persistent']
    )
    for (const term of priorTerms(of('labelled'), marginal, taxonomy)) assert.ok(Math.abs(term) < 1e-12)
  })
})
