import assert from 'node:assert/strict'
import { loadClassifier } from '../../../src/classifier/classifier.ts'
import { bundledModel } from '../../../src/classifier/model-folder.ts'
import type { Classification } from '../../../src/messages/classification.ts'
import { decodeClassification } from '../../../src/messages/encoding.ts'
import { compareAnswers } from '../../support/answers.ts'
import type { KafkaTools } from '../../support/kafka-tools.ts'
import { admission } from '../../support/pipeline.ts'
import { type Delivery, Recomputation } from './recompute.ts'

/** What was counted when a disturbed group was compared with an undisturbed one. */
export interface Figures {
  readonly packets: number
  readonly alerts: number
  readonly deadLetters: number
  readonly objects: number
  /** Messages of the undisturbed and of the disturbed group. */
  readonly messagesCalm: number
  readonly messagesWild: number
  /** Ids that both gave, and those of the disturbed group alone, each recomputed from a subset of its object's packets. */
  readonly idsInBoth: number
  readonly idsRecomputed: number
}

/** All that a group said. */
interface Output {
  readonly messages: number
  /** Bytes (base64) by id. */
  readonly bytes: ReadonlyMap<string, string>
  readonly objectOf: ReadonlyMap<string, string>
  readonly alerts: ReadonlySet<string>
  /** Bytes of each object's answer. */
  readonly answers: ReadonlyMap<string, string>
  readonly refused: ReadonlySet<string>
}

/**
 * Fails unless every alert and every dead letter has its outcome, equal ids have equal bytes within and across both groups, the
 * answer of every object has equal bytes, and every other id is one that a subset of its object's packets yields.
 */
export async function judge(
  tools: KafkaTools,
  delivery: Delivery,
  groups: { readonly wild: string; readonly calm: string }
): Promise<Figures> {
  const calm = await outputOf(tools, groups.calm, delivery.versioned)
  const wild = await outputOf(tools, groups.wild, delivery.versioned)
  for (const [name, output] of Object.entries({ calm, wild })) {
    sameSets(output.alerts, delivery.alerts, `${name}: every alert has its outcome`)
    sameSets(output.refused, delivery.refused, `${name}: every packet that can not be read has its dead letter`)
  }
  for (const [objectId, answer] of calm.answers)
    assert.equal(wild.answers.get(objectId), answer, `answer of ${objectId}`)
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
    idsRecomputed: await recomputed(delivery, others)
  }
}

/** Recomputes every answer that only the disturbed group gave; fails for one that nothing explains. */
async function recomputed(delivery: Delivery, others: ReadonlyMap<string, Map<string, string>>): Promise<number> {
  const classifier = await loadClassifier(bundledModel)
  const recomputation = new Recomputation(classifier, admission)
  let count = 0
  for (const [objectId, ids] of others) {
    const unexplained = await recomputation.unexplained(objectId, delivery.objects.get(objectId) ?? [], ids)
    assert.deepEqual(unexplained, [], 'every other answer is one that a subset of the packets of its object yields')
    count += ids.size
  }
  classifier.dispose()
  return count
}

/**
 * Reads all that a group said. At no moment do two messages contend for being the answer of an object: states of an object follow
 * one another, each holding the one before, and another state has a greater revision.
 *
 * But for alerts of which the packets hold several versions. Of the newest alert one version stands, and the others count in the
 * revision; once a newer alert is merged, nothing is known of the versions of the former, and each is answered as it came. Where a
 * process died before it said the newer one, two versions may tie until that is said. In the end one message stands alone for those, too.
 */
async function outputOf(tools: KafkaTools, group: string, versioned: ReadonlySet<string>): Promise<Output> {
  const bytes = new Map<string, string>()
  const objectOf = new Map<string, string>()
  const alerts = new Set<string>()
  const best = new Map<string, Classification>()
  const contenders = new Map<string, Set<string>>()
  let messages = 0
  await tools.scan(
    `${group}.out`,
    ({ key, value }) => {
      messages++
      const body = decodeClassification(value as Buffer, 'avro')
      const text = (value as Buffer).toString('base64')
      assert.equal(bytes.get(body.id) ?? text, text, `equal ids have equal bytes: ${body.id}`)
      assert.equal(key, body.objectId)
      bytes.set(body.id, text)
      objectOf.set(body.id, body.objectId)
      alerts.add(`${body.objectId}/${body.candid}`)
      const old = best.get(body.objectId)
      const order = old ? compareAnswers(body, old) : 1
      if (order > 0) contenders.set(body.objectId, new Set())
      if (order < 0) return
      if (order === 0 && !versioned.has(`${body.objectId}/${body.candid}`))
        assert.equal(body.id, old?.id, 'at no moment do two messages contend for being an answer')
      best.set(body.objectId, body)
      contenders.get(body.objectId)?.add(body.id)
    },
    240_000
  )
  for (const [objectId, ids] of contenders)
    assert.equal(ids.size, 1, `no two messages contend for the answer of ${objectId}`)
  const refused = new Set((await tools.read(`${group}.dead`)).map(({ headers }) => headers.source as string))
  const answers = new Map([...best].map(([objectId, { id }]) => [objectId, bytes.get(id) as string]))
  return { messages, bytes, objectOf, alerts, answers, refused }
}

function sameSets(found: ReadonlySet<string>, expected: ReadonlySet<string>, what: string): void {
  const missing = [...expected].filter(name => !found.has(name))
  const surplus = [...found].filter(name => !expected.has(name))
  assert.deepEqual({ missing: missing.slice(0, 5), surplus: surplus.slice(0, 5) }, { missing: [], surplus: [] }, what)
}
