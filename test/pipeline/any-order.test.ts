import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import { HieraxError } from '../../src/errors.ts'
import { additionOf, encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import type { Addition, ObjectState, Store } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { ObjectClassifier } from '../../src/pipeline/object-classifier.ts'
import type { OutputMessage } from '../../src/streams/types.ts'
import { type Circumstances, type JudgedTopic, RouteJudge } from '../acceptance/trial/route-judge.ts'
import { compareAnswers } from '../support/answers.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, bench, messages, output } from '../support/pipeline.ts'
import { alertStreams } from './streams.ts'

/** What ends a process at an attempt: before its messages are written, after half of them, after all of them, or nothing. */
type Crash = 'before' | 'half' | 'after' | null

/** How a stream is delivered. */
interface Delivery {
  readonly alerts: ReadonlyMap<string, Alert>
  /** Names of alerts (some several times, one of no alert), by partition and batch. */
  readonly partitions: readonly (readonly (readonly string[])[])[]
  readonly crashes: readonly Crash[]
  /** Which merges fail after their states were known: the store does not have them. */
  readonly lostMerges: readonly boolean[]
  readonly processes: number
}

const rubbish = 'rubbish'

/** A route whose topic says at last which objects are likely to be A. */
const placed = 'placed'
const least = 0.5
const faint = { minMagnitude: 17, minDetections: 2 }
const routed = {
  ...output,
  routes: [
    { topic: placed, node: 'A', minProbability: least, retract: true },
    { topic: 'faint', ...faint, retract: true },
    { topic: 'faint', node: 'B', minProbability: 0.9, retract: true },
    { topic: 'copies', node: 'B', minProbability: 0.4, maxAgeDays: 4 }
  ]
}

const has = (body: Classification, node: string, probability: number) =>
  body.nodes.some(({ name, probability: p }) => name === node && p >= probability) ? [] : ['minProbability']

/** The same routes, checked without the service's code. */
const judged: readonly JudgedTopic[] = [
  { topic: placed, retract: true, routes: [body => has(body, 'A', least)] },
  {
    topic: 'faint',
    retract: true,
    routes: [
      ({ alert, lightCurve }) => [
        ...(lightCurve.detections >= faint.minDetections ? [] : ['minDetections']),
        ...((alert?.magnitude ?? 0) >= faint.minMagnitude ? [] : ['minMagnitude'])
      ],
      body => has(body, 'B', 0.9)
    ]
  },
  {
    topic: 'copies',
    retract: false,
    routes: [
      body => [
        ...has(body, 'B', 0.4),
        ...(body.jd - (body.lightCurve.firstDetectionJd ?? Number.NEGATIVE_INFINITY) <= 4 ? [] : ['maxAgeDays'])
      ]
    ]
  }
]

/** A mistake in what a process stores or sends. */
interface Fault {
  readonly store?: (additions: readonly Addition[]) => readonly Addition[]
  readonly send?: (messages: readonly OutputMessage[]) => readonly OutputMessage[]
}

const delivery: fc.Arbitrary<Delivery> = alertStreams.chain(alerts => {
  const names = [...alerts.keys(), rubbish]
  const twice = [...names, ...names]
  return fc.record({
    alerts: fc.constant(alerts),
    partitions: fc
      .tuple(
        fc.shuffledSubarray(twice, { minLength: names.length }),
        fc.array(fc.nat({ max: 2 }), { minLength: twice.length, maxLength: twice.length }),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: twice.length, maxLength: twice.length })
      )
      .map(([order, places, sizes]) =>
        divided([...order, ...names.filter(name => !order.includes(name))], places, sizes)
      ),
    crashes: fc.array(fc.constantFrom<Crash>('before', 'half', 'after', null, null), { maxLength: 12 }),
    lostMerges: fc.array(fc.boolean(), { maxLength: 6 }),
    processes: fc.integer({ min: 1, max: 3 })
  })
})

/** Names over three partitions, each in batches of the sizes given. */
function divided(names: readonly string[], places: readonly number[], sizes: readonly number[]): string[][][] {
  const partitions: string[][] = [[], [], []]
  for (const [index, name] of names.entries()) partitions[places[index % places.length] ?? 0]?.push(name)
  return partitions.map(queue => {
    const batches: string[][] = []
    for (let at = 0; at < queue.length; ) {
      const size = sizes[(batches.length + at) % sizes.length] ?? 1
      batches.push(queue.slice(at, at + size))
      at += size
    }
    return batches
  })
}

/** Delivers a stream to several processes over one store, in an order of events that the scheduler chooses. */
async function deliver(
  { alerts, partitions, crashes, lostMerges, processes }: Delivery,
  scheduler: fc.Scheduler | null,
  fault: Fault = {}
): Promise<{ log: OutputMessage[]; store: Store }> {
  const log: OutputMessage[] = []
  const store: Store = new MemoryStore()
  const ends = [...crashes]
  const losses = [...lostMerges]
  const write = async (messages: readonly OutputMessage[]): Promise<void> => {
    const written = fault.send?.(messages) ?? messages
    const crash = ends.shift() ?? null
    const count = { before: 0, half: written.length >> 1, after: written.length }[crash ?? 'after']
    log.push(...written.slice(0, count))
    if (crash !== null) throw new HieraxError('PUBLISH_FAILED', 'the process has ended')
  }
  const stored = store.merge.bind(store)
  const merge: Store['merge'] = additions => stored(fault.store?.(additions) ?? additions)
  store.merge = merge
  if (scheduler) store.merge = scheduler.scheduleFunction(merge)
  const flush = async (isLost: boolean): Promise<void> => {
    if (isLost) throw new HieraxError('STORE_FAILED', 'No space left on device')
  }
  store.beginMerge = async additions => {
    const isLost = losses.shift() ?? false
    const states = isLost ? await statesAfter(store, additions) : await store.merge(additions)
    const durable = scheduler ? scheduler.scheduleFunction(flush)(isLost) : flush(isLost)
    durable.catch(() => {})
    return { states, durable }
  }
  const send = scheduler ? scheduler.scheduleFunction(write) : write
  let offset = 0
  const queues = partitions.map(batches =>
    batches.map(batch => {
      offset += batch.length
      return messages(batch, offset)
    })
  )
  const busy = new Set<number>()
  const work = async (process: number): Promise<void> => {
    for (let turn = process; queues.some(queue => queue.length > 0); turn++) {
      const partition = turn % queues.length
      const batch = queues[partition]?.[0]
      if (batch === undefined || busy.has(partition)) {
        if (queues.every((queue, index) => queue.length === 0 || busy.has(index))) return
        continue
      }
      busy.add(partition)
      const { pipeline } = bench({ alerts, store, output: routed, sink: { send, close: async () => {} } })
      // What was not acknowledged is delivered again, to whichever process is free.
      const done = await pipeline.process(batch).then(
        () => true,
        () => false
      )
      if (done) queues[partition]?.shift()
      busy.delete(partition)
    }
  }
  const all = Promise.all(Array.from({ length: processes }, (_, index) => work(index)))
  await (scheduler ? scheduler.waitFor(all) : all)
  while (queues.some(queue => queue.length > 0)) await (scheduler ? scheduler.waitFor(work(0)) : work(0))
  return { log, store }
}

/** The states that a merge would give, without changing the store. */
async function statesAfter(store: Store, additions: readonly Addition[]): Promise<ObjectState[]> {
  const copy = new MemoryStore()
  for (const { objectId } of additions) {
    const state = await store.get(objectId)
    if (state) await copy.merge([additionOf(objectId, encodeRecord(state, 0))])
  }
  return await copy.merge(additions)
}

/**
 * Bytes by id, alerts that were answered, dead letters, and each object's answer: it must be one alone, and at every moment so, but for
 * alerts with several versions: see the judge of the acceptance trials.
 */
function judge(log: readonly OutputMessage[], versioned: ReadonlySet<string>) {
  const bytes = new Map<string, string>()
  const best = new Map<string, Classification>()
  const contenders = new Map<string, Set<string>>()
  const alerts = new Set<string>()
  for (const { topic, value, headers } of log) {
    if (topic !== output.classifications) continue
    const body = decodeClassification(value, 'avro')
    const text = Buffer.from(value).toString('base64')
    assert.equal(bytes.get(body.id) ?? text, text, 'equal ids have equal bytes')
    assert.equal(headers.id, body.id)
    bytes.set(body.id, text)
    alerts.add(`${body.objectId}/${body.candid}`)
    const old = best.get(body.objectId)
    const order = old ? compareAnswers(body, old) : 1
    if (order > 0) contenders.set(body.objectId, new Set())
    if (order < 0) continue
    if (order === 0 && !versioned.has(`${body.objectId}/${body.candid}`))
      assert.equal(body.id, old?.id, 'at no moment do two messages contend for being an answer')
    best.set(body.objectId, body)
    contenders.get(body.objectId)?.add(body.id)
  }
  for (const ids of contenders.values()) assert.equal(ids.size, 1, 'no two messages contend for an answer')
  const answers = new Map([...best].sort().map(([objectId, { id }]) => [objectId, bytes.get(id)]))
  return { bytes, alerts, answers, refused: log.some(({ topic }) => topic === output.deadLetters) }
}

async function curvesOf(store: Store): Promise<Map<string, string>> {
  const curves = new Map<string, string>()
  for await (const objectId of store.objectIds()) {
    const state = await store.get(objectId)
    // Which topics an object was on in between depends on the order.
    if (state) curves.set(objectId, encodeRecord({ ...state, routes: [] }, 0).toString('base64'))
  }
  return new Map([...curves].sort())
}

/** The last message of every object on the topic of the route: its id, or that it was retracted. Of messages that tie, the last one. */
function placesOf(log: readonly OutputMessage[], newer: typeof compareAnswers): Map<string, string> {
  const last = new Map<string, { body: Classification; place: string }>()
  for (const { topic, value, headers } of log) {
    if (topic !== placed) continue
    const body = decodeClassification(value, 'avro')
    const old = last.get(body.objectId)
    if (old && newer(body, old.body) < 0) continue
    last.set(body.objectId, { body, place: headers.retracted === undefined ? body.id : 'retracted' })
  }
  return new Map([...last].map(([objectId, { place }]) => [objectId, place]))
}

/** The topic of the route must agree with the answer for the newest admitted alert of every object. */
async function checkPlaces(log: readonly OutputMessage[], store: Store, newer: typeof compareAnswers): Promise<void> {
  const places = placesOf(log, newer)
  const classifier = new ObjectClassifier({ store, classifiers: [fakeClassifier()], admission })
  for await (const objectId of store.objectIds()) {
    const state = await store.get(objectId)
    if (!state?.newestAdmitted) continue
    const newest = { record: state.newestAdmitted, versions: state.admittedVersions, state }
    const [answer] = (await classifier.classify([newest])).classifications.flat()
    const isMet = (answer?.nodes.find(({ name }) => name === 'A')?.probability ?? 0) >= least
    const place = places.get(objectId)
    if (isMet) assert.equal(place, answer?.id, 'an object that meets the conditions is on the topic')
    else assert.ok(place === undefined || place === 'retracted', 'one that does not was never there, or is retracted')
  }
}

function judgeRoutes(log: readonly OutputMessage[], circumstances: Circumstances): void {
  const judge = new RouteJudge(judged)
  for (const { topic, value, headers } of log) {
    if (topic === output.deadLetters) continue
    const body = decodeClassification(value, 'avro')
    if (topic === output.classifications) judge.takeAnswer(body, headers)
    else judge.takeRouted(topic, body, headers)
  }
  judge.verdict(circumstances)
}

test('any order, duplication and split over processes, with crashes between merge and commit, ends in the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(delivery, fc.scheduler(), async (wild, scheduler) => {
      const names = [...wild.alerts.keys(), rubbish]
      const calm = await deliver(
        { ...wild, partitions: [names.map(name => [name])], crashes: [], lostMerges: [], processes: 1 },
        null
      )
      const { log, store } = await deliver(wild, scheduler)
      const again = [...wild.alerts].filter(([name]) => name.endsWith(' again')).map(([, alert]) => alert)
      const versioned = new Set(again.map(({ objectId, record }) => `${objectId}/${record.candid}`))
      const [expected, found] = [judge(calm.log, versioned), judge(log, versioned)]
      assert.deepEqual(await curvesOf(store), await curvesOf(calm.store), 'the same light curves')
      assert.deepEqual(found.answers, expected.answers, 'the same answer of every object')
      assert.deepEqual(found.alerts, expected.alerts, 'every alert is answered')
      await checkPlaces(calm.log, calm.store, () => 0)
      await checkPlaces(log, store, wild.processes === 1 ? () => 0 : compareAnswers)
      judgeRoutes(calm.log, { ended: false, concurrent: false })
      judgeRoutes(log, { ended: true, concurrent: wild.processes > 1 })
      assert.ok(found.refused, 'what can not be read has its dead letter')
      for (const [id, bytes] of found.bytes)
        assert.equal(expected.bytes.get(id) ?? bytes, bytes, 'equal ids have equal bytes')
    }),
    { numRuns: Number(process.env.RUNS ?? 60) }
  )
})

const faults: Record<string, Fault> = {
  'objects on a topic are not remembered': { store: additions => additions.map(({ routes: _, ...rest }) => rest) },
  'retractions are not sent': { send: messages => messages.filter(({ headers }) => !headers.retracted) },
  'answers are not sent to a topic with retractions': {
    send: messages => messages.filter(({ topic, headers }) => topic !== placed || headers.retracted)
  },
  'copies are not sent': { send: messages => messages.filter(({ topic }) => topic !== 'copies') },
  'copies ignore the conditions': {
    send: messages => messages.flatMap(m => (m.topic === output.classifications ? [m, { ...m, topic: 'copies' }] : [m]))
  },
  'every message is a retraction': {
    send: messages =>
      messages.map(m => (m.topic === placed ? { ...m, headers: { ...m.headers, retracted: 'band' } } : m))
  }
}

for (const [name, fault] of Object.entries(faults)) {
  test(`routes are judged wrong if ${name}`, async () => {
    const routesAreRight = fc.asyncProperty(delivery, fc.scheduler(), async (wild, scheduler) => {
      const { log } = await deliver(wild, scheduler, fault)
      judgeRoutes(log, { ended: true, concurrent: wild.processes > 1 })
    })
    const { failed, errorInstance } = await fc.check(routesAreRight, { numRuns: 300, endOnFailure: true })
    assert.ok(failed && errorInstance instanceof assert.AssertionError, String(errorInstance))
  })
}
