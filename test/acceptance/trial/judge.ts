import assert from 'node:assert/strict'
import { loadClassifier } from '../../../src/classifier/classifier.ts'
import { bundledModel } from '../../../src/classifier/model-folder.ts'
import type { Classification } from '../../../src/messages/classification.ts'
import { decodeClassification } from '../../../src/messages/encoding.ts'
import { compareAnswers } from '../../support/answers.ts'
import type { KafkaTools, ReadMessage } from '../../support/kafka-tools.ts'
import { admission } from '../../support/pipeline.ts'
import { patienceMs } from '../../support/until.ts'
import { type Delivery, Recomputation } from './recompute.ts'
import { type JudgedTopic, type RouteFigures, RouteJudge } from './route-judge.ts'

/** Counts of a comparison between a disturbed and an undisturbed group. */
export interface Figures {
  readonly packets: number
  readonly alerts: number
  readonly deadLetters: number
  readonly objects: number
  /** Messages of the undisturbed and of the disturbed group. */
  readonly messagesCalm: number
  readonly messagesWild: number
  /** Ids published by both groups, and those only of the disturbed group, each recomputed from a subset of its object's packets. */
  readonly idsInBoth: number
  readonly idsRecomputed: number
  /** Of the disturbed group; absent without routes. */
  readonly routes?: RouteFigures
}

/** A group of a trial, and the topics of its routes. */
export interface JudgedGroup {
  readonly group: string
  readonly routes: readonly JudgedTopic[]
}

/** The output of a group. */
interface Output {
  readonly messages: number
  /** Bytes (base64) by id, of all topics. */
  readonly bytes: ReadonlyMap<string, string>
  readonly objectOf: ReadonlyMap<string, string>
  readonly alerts: ReadonlySet<string>
  /** Bytes of each object's current classification. */
  readonly answers: ReadonlyMap<string, string>
  readonly refused: ReadonlySet<string>
  readonly routes: RouteFigures
}

/**
 * Fails unless every alert and every invalid packet has its outcome, equal ids have equal bytes within and across both groups, the
 * current classification of every object has equal bytes, and every other id can be recomputed from a subset of its object's packets. Topics of routes must be right in
 * both groups (`RouteJudge`).
 */
export async function judge(
  tools: KafkaTools,
  delivery: Delivery,
  wildGroup: JudgedGroup,
  calmGroup: JudgedGroup
): Promise<Figures> {
  const calm = await outputOf(tools, calmGroup, delivery.versioned, false)
  const wild = await outputOf(tools, wildGroup, delivery.versioned, true)
  for (const [name, output] of Object.entries({ calm, wild })) {
    sameSets(output.alerts, delivery.alerts, `${name}: every alert has its outcome`)
    sameSets(output.refused, delivery.refused, `${name}: every invalid packet has its dead letter`)
  }
  await checkCurrent(tools, calmGroup.group, calm)
  await checkCurrent(tools, wildGroup.group, wild)
  for (const [objectId, answer] of calm.answers)
    assert.equal(wild.answers.get(objectId), answer, `current classification of ${objectId}`)
  const others = new Map<string, Map<string, string>>()
  let idsInBoth = 0
  for (const [id, bytes] of wild.bytes) {
    const other = calm.bytes.get(id)
    if (other !== undefined) {
      idsInBoth++
      assert.equal(bytes, other, `equal ids have equal bytes: ${id}`)
      continue
    }
    const objectId = wild.objectOf.get(id) as string
    const ids = others.get(objectId) ?? new Map<string, string>()
    others.set(objectId, ids.set(id, bytes))
  }
  return {
    packets: delivery.packets,
    alerts: delivery.alerts.size,
    deadLetters: delivery.refused.size,
    objects: delivery.objects.size,
    messagesCalm: calm.messages,
    messagesWild: wild.messages,
    idsInBoth,
    idsRecomputed: await recomputed(delivery, others),
    ...(wildGroup.routes.length > 0 ? { routes: wild.routes } : {})
  }
}

/** Fails unless the last record of every object on the topic of current classifications is its current classification. */
async function checkCurrent(tools: KafkaTools, group: string, { answers }: Output): Promise<void> {
  const last = new Map<string, string | null>()
  const records = new Map<string, string[]>()
  await tools.scan(
    `${group}.current`,
    ({ key, value, partition, offset, headers }) => {
      const objectId = (key as string).replace(/\/[0-9a-f]{64}$/, '')
      last.set(objectId, value?.toString('base64') ?? null)
      const record = `${partition}/${offset} of ${headers.source}: ${headers.rank}`
      records.set(objectId, [...(records.get(objectId) ?? []), record])
    },
    2 * patienceMs
  )
  sameSets(new Set(last.keys()), new Set(answers.keys()), `${group}.current: every object has a record`)
  for (const [objectId, answer] of answers)
    assert.ok(
      last.get(objectId) === answer,
      `${group}.current: the last record of ${objectId} is not current: ${records.get(objectId)?.join('\n')}`
    )
}

/** Recomputes every message that only the disturbed group published; fails if no subset of packets yields it. */
async function recomputed(delivery: Delivery, others: ReadonlyMap<string, Map<string, string>>): Promise<number> {
  const classifier = await loadClassifier(bundledModel)
  const recomputation = new Recomputation(classifier, admission)
  let count = 0
  for (const [objectId, ids] of others) {
    const unexplained = await recomputation.unexplained(objectId, delivery.objects.get(objectId) ?? [], ids)
    assert.deepEqual(unexplained, [], 'every other message follows from a subset of the packets of its object')
    count += ids.size
  }
  classifier.dispose()
  return count
}

/**
 * Reads the output of a group. Two messages never tie for the current classification of an object, because every state of an object
 * contains the one before, and a different state has a greater revision.
 *
 * The exception are alerts with several versions of the packet. Of the newest alert one version counts, and the others add to the
 * revision. Once a newer alert is merged, the versions of the older one are no longer known, and each is classified as it arrives. If
 * a process died before it published the newer alert, two versions may tie until that is published. At the end there is no tie.
 */
async function outputOf(
  tools: KafkaTools,
  { group, routes }: JudgedGroup,
  versioned: ReadonlySet<string>,
  ended: boolean
): Promise<Output> {
  const routeJudge = new RouteJudge(routes)
  const bytes = new Map<string, string>()
  const objectOf = new Map<string, string>()
  const alerts = new Set<string>()
  const best = new Map<string, Classification>()
  const tied = new Map<string, Set<string>>()
  let messages = 0
  const take = ({ key, value }: Pick<ReadMessage, 'key' | 'value'>): Classification => {
    const body = decodeClassification(value as Buffer, 'avro')
    const text = (value as Buffer).toString('base64')
    assert.equal(bytes.get(body.id) ?? text, text, `equal ids have equal bytes: ${body.id}`)
    assert.equal(key, body.objectId)
    bytes.set(body.id, text)
    objectOf.set(body.id, body.objectId)
    return body
  }
  await tools.scan(
    `${group}.out`,
    message => {
      messages++
      const body = take(message)
      routeJudge.takeAnswer(body, message.headers)
      alerts.add(`${body.objectId}/${body.candid}`)
      const old = best.get(body.objectId)
      const order = old ? compareAnswers(body, old) : 1
      if (order > 0) tied.set(body.objectId, new Set())
      if (order < 0) return
      if (order === 0 && !versioned.has(`${body.objectId}/${body.candid}`))
        assert.equal(body.id, old?.id, 'two messages never tie for the current classification')
      best.set(body.objectId, body)
      tied.get(body.objectId)?.add(body.id)
    },
    2 * patienceMs
  )
  for (const { topic } of routes) {
    const visit = (message: ReadMessage) => routeJudge.takeRouted(topic, take(message), message.headers)
    await tools.scan(topic, visit, 2 * patienceMs)
  }
  for (const [objectId, ids] of tied) assert.equal(ids.size, 1, `no tie for the current classification of ${objectId}`)
  const refused = new Set((await tools.read(`${group}.dead`)).map(({ headers }) => headers.source as string))
  const answers = new Map([...best].map(([objectId, { id }]) => [objectId, bytes.get(id) as string]))
  // The undisturbed group is one process, which handles several partitions at a time.
  const judged = routeJudge.verdict({ ended, concurrent: true })
  return { messages, bytes, objectOf, alerts, answers, refused, routes: judged }
}

function sameSets(found: ReadonlySet<string>, expected: ReadonlySet<string>, what: string): void {
  const missing = [...expected].filter(name => !found.has(name))
  const surplus = [...found].filter(name => !expected.has(name))
  assert.deepEqual({ missing: missing.slice(0, 5), surplus: surplus.slice(0, 5) }, { missing: [], surplus: [] }, what)
}
