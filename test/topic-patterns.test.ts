import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPattern, matchesTopic } from '../src/topic-patterns.ts'

test('a pattern matches whole names; an asterisk stands for any text', () => {
  const cases: [pattern: string, matched: string[], others: string[]][] = [
    [
      'babamul.ztf.*',
      ['babamul.ztf.', 'babamul.ztf.lsst-match.hosted'],
      ['babamul.lsst.x', 'x.babamul.ztf.a', 'babamul']
    ],
    ['babamul.*.*.hosted', ['babamul.ztf.lsst-match.hosted'], ['babamul.ztf.hosted', 'babamul.ztf.a.hosted.more']],
    ['fink_*_ztf', ['fink_sn_candidates_ztf', 'fink__ztf'], ['fink_ztf', 'fink_sn_candidates_lsst']],
    ['*', ['any', 'a.b'], ['__consumer_offsets', '_schemas']],
    ['__*', ['__consumer_offsets'], ['_schemas', 'a__']],
    ['a*a', ['aa', 'aba'], ['a', 'ab']],
    ['*ab*b*', ['abb', 'xabyb'], ['ab', 'ba']],
    ['alerts', ['alerts'], ['alerts2', 'alert']]
  ]
  for (const [pattern, matched, others] of cases) {
    for (const topic of matched) assert.ok(matchesTopic(pattern, topic), `${pattern} does not match ${topic}`)
    for (const topic of others) assert.ok(!matchesTopic(pattern, topic), `${pattern} matches ${topic}`)
  }
  assert.deepEqual(['a.*', 'a.b'].map(isPattern), [true, false])
})

test('a name with parts replaced by asterisks is matched, as by a regular expression', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 6 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 6 })
  fc.assert(
    fc.property(pattern, word, (pattern, topic) => {
      const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      assert.equal(matchesTopic(pattern, topic), expression.test(topic))
    })
  )
})
