import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleClassification } from '../../support/sample-classification.ts'
import { type Circumstances, type JudgedTopic, RouteJudge } from './route-judge.ts'

const topics: readonly JudgedTopic[] = [
  { topic: 'young', retract: true, routes: [({ jd }) => (jd <= 10 ? [] : ['maxAgeDays'])] },
  { topic: 'bright', retract: false, routes: [({ alert }) => ((alert?.magnitude ?? 99) <= 18 ? [] : ['maxMagnitude'])] }
]

/** A message: `topic object day magnitude source`, with `bogus` for a rejected alert, and `-KEYS` for a retraction. */
type Line = string

/** Object a ages; b does too, and is first seen again by a correction; c stays young; d was never young. */
const recorded: readonly Line[] = [
  'all a 1 17 0',
  'young a 1 17 0',
  'bright a 1 17 0',
  'all c 2 19 1',
  'young c 2 19 1',
  'all a 12 19 2',
  'young a 12 19 2 -maxAgeDays',
  'all c 3 17 3',
  'young c 3 17 3',
  'bright c 3 17 3',
  'all c 20 17 4 bogus',
  'all c 3 17 4',
  'young c 3 17 4',
  'bright c 3 17 4',
  'all d 30 17 5',
  'bright d 30 17 5'
]

function verdict(lines: readonly Line[], circumstances: Partial<Circumstances> = {}) {
  const judge = new RouteJudge(topics)
  for (const line of lines) {
    const [topic = '', objectId = '', day, magnitude, source = '', ...more] = line.split(' ')
    const bogus = more.includes('bogus')
    const retracted = more.find(word => word.startsWith('-'))?.slice(1)
    const body = {
      ...sampleClassification,
      id: `${objectId}:${day}`,
      objectId,
      candid: BigInt(day as string),
      jd: Number(day),
      alert: { ...sampleClassification.alert!, magnitude: Number(magnitude) },
      ...(bogus ? { status: 'NOT_CLASSIFIED' as const, reason: 'BOGUS' as const, nodes: [] } : {})
    }
    const headers = { source, ...(retracted === undefined ? {} : { retracted }) }
    if (topic === 'all') judge.takeAnswer(body, headers)
    else judge.takeRouted(topic, body, headers)
  }
  return judge.verdict({ ended: false, concurrent: false, ...circumstances })
}

const without = (...lines: readonly Line[]) => recorded.filter(line => !lines.includes(line))
const killed = { ended: true, concurrent: true }

describe('the judge of routes', () => {
  test('accepts what is right, and counts it', () => {
    assert.deepEqual(verdict(recorded), { routed: 8, retracted: 1, cutOff: 0 })
    assert.deepEqual(verdict(recorded, killed), { routed: 8, retracted: 1, cutOff: 0 })
  })

  test('accepts what a crash may leave: repetitions, a retraction of what was not sent, a copy that the next attempt did not need', () => {
    const again = ['all a 12 19 2', 'young a 12 19 2 -maxAgeDays']
    assert.equal(verdict([...recorded, ...again], killed).retracted, 2)
    assert.equal(verdict(without('young a 1 17 0'), killed).retracted, 1)
    const cut = ['all a 5 17 6', 'all a 4 19 6', 'all a 5 17 6', 'bright a 5 17 6', 'all a 4 19 6']
    assert.equal(verdict([...recorded, ...cut], killed).cutOff, 0)
    assert.equal(verdict([...recorded, 'all a 4 19 6', 'all a 5 17 6', 'all a 4 19 6'], killed).cutOff, 1)
  })

  const wrong: Record<string, readonly Line[]> = {
    'a retraction that is missing': without('young a 12 19 2 -maxAgeDays'),
    'a retraction that names another condition': recorded.map(line => line.replace('-maxAgeDays', '-minDetections')),
    'a retraction that names one condition too many': recorded.map(
      line => `${line}${line.includes('-') ? ',band' : ''}`
    ),
    'a retraction of what belongs there': [...recorded, 'young c 3 17 3 -maxAgeDays'],
    'a retraction on a topic without them': [...recorded, 'bright a 12 19 2 -maxMagnitude'],
    'a retraction for an alert that was rejected': [...recorded, 'young c 20 17 4 bogus -status'],
    'a message that does not meet the conditions': [...recorded, 'young d 30 17 5'],
    'a rejected alert on a topic': [...recorded, 'bright c 20 17 4 bogus'],
    'the current answer missing on a topic with retractions': without('young c 3 17 3', 'young c 3 17 4'),
    'a copy of the only answer missing': without('bright d 30 17 5'),
    'a copy of an older answer missing': without('bright a 1 17 0'),
    'every copy of an answer missing that was sent twice': [...without('bright a 1 17 0'), 'all a 1 17 0'],
    'a retraction on the topic of all': [...recorded, 'all a 12 19 2 -maxAgeDays']
  }
  for (const [name, lines] of Object.entries(wrong)) {
    test(`finds ${name}, after crashes too`, () => {
      assert.throws(() => verdict(lines), assert.AssertionError)
      assert.throws(() => verdict(lines, killed), assert.AssertionError)
    })
  }

  test('finds what only crashes and races excuse', () => {
    for (const lines of [
      [...recorded, 'young a 12 19 2 -maxAgeDays'],
      [...recorded, 'young a 2 17 9'],
      without('young a 1 17 0')
    ])
      assert.throws(() => verdict(lines), assert.AssertionError)
  })
})
