import assert from 'node:assert/strict'
import type { Classification } from '../../../src/messages/classification.ts'
import { compareAnswers } from '../../support/answers.ts'

/** A topic of routes. Each route gives the keys of the conditions that a classified message does not meet. */
export interface JudgedTopic {
  readonly topic: string
  readonly retract: boolean
  readonly routes: readonly ((body: Classification) => readonly string[])[]
}

/** What can have happened to the service. */
export interface Circumstances {
  /** A process ended between two of its messages. */
  readonly ended: boolean
  /** Messages of one object were processed at the same time. */
  readonly concurrent: boolean
}

/** What the judge keeps of a message. */
interface Seen extends Pick<Classification, 'id' | 'objectId' | 'candid' | 'jd'> {
  readonly lightCurve: { readonly revision: number }
  readonly source: string
  /** Whether the alert was admitted. A rejected one does not change the place of its object. */
  readonly admitted: boolean
  /** By topic: the conditions that are not met. */
  readonly unmet: ReadonlyMap<string, ReadonlySet<string>>
  readonly retracted: boolean
}

/** Counts of the messages on the topics of routes. */
export interface RouteFigures {
  readonly routed: number
  readonly retracted: number
  /** Messages that are missing on a topic, because a process ended. Their alerts were processed again. */
  readonly cutOff: number
}

const rejections = ['BOGUS', 'SOLAR_SYSTEM', 'PROGRAM']

/**
 * Judges the topics of routes by the messages on them and on the topic of all classifications:
 *
 * - A message meets the conditions of a route of its topic. A retraction meets those of none, and names what is not met.
 * - Each alert has an answer that is on every topic where it belongs. If another answer for it is missing, the alert was processed repeatedly
 *   because a process ended.
 * - The current answer of an object, the one for its newest admitted alert, is on every topic where it belongs. If it does not belong on a topic with
 *   retractions, the object was never there, or its newest message is a retraction.
 * - If nothing ended or ran concurrently, each retraction follows a message that it retracts.
 */
export class RouteJudge {
  readonly #topics: readonly JudgedTopic[]
  readonly #answers: Seen[] = []
  readonly #routed: ReadonlyMap<string, Seen[]>

  constructor(topics: readonly JudgedTopic[]) {
    this.#topics = topics
    this.#routed = new Map(topics.map(({ topic }) => [topic, []]))
  }

  /** Takes a message of the topic of all classifications; those of an object in the order of the log. */
  takeAnswer(body: Classification, headers: Readonly<Record<string, string>>): void {
    assert.equal(headers.retracted, undefined, 'the topic of all classifications has no retractions')
    this.#answers.push(this.#seen(body, headers))
  }

  /** Takes a message of a route's topic; those of an object in the order of the log. */
  takeRouted(topic: string, body: Classification, headers: Readonly<Record<string, string>>): void {
    const seen = this.#seen(body, headers)
    const unmet = seen.unmet.get(topic) ?? new Set()
    if (seen.retracted) {
      assert.ok(this.#topics.find(known => known.topic === topic)?.retract, `${topic} has no retractions`)
      assert.ok(unmet.size > 0, `${seen.id} is retracted from ${topic}, although it belongs there`)
      assert.deepEqual(
        new Set(headers.retracted?.split(',')),
        unmet,
        `the conditions of ${topic} that ${seen.id} does not meet`
      )
    } else assert.deepEqual([...unmet], [], `${seen.id} does not belong on ${topic}`)
    this.#routed.get(topic)?.push(seen)
  }

  /** Fails if anything is missing or wrong; call it when everything is read. */
  verdict(circumstances: Circumstances): RouteFigures {
    const counts = [...this.#routed].map(([topic, routed]) => {
      const { retract } = this.#topics.find(known => known.topic === topic) as JudgedTopic
      const there = new Set(routed.map(({ id, retracted }) => `${id} ${retracted}`))
      const isRight = ({ id, unmet }: Seen): boolean => unmet.get(topic)?.size !== 0 || there.has(`${id} false`)
      for (const answer of currentAdmitted(this.#answers)) {
        assert.ok(isRight(answer), `the current answer ${answer.id} is missing on ${topic}`)
        if (retract) assertPlace(answer, topic, routed)
      }
      if (!circumstances.ended) {
        const known = new Set(this.#answers.map(({ id }) => id))
        assert.deepEqual(
          routed.map(({ id }) => id).filter(id => !known.has(id)),
          [],
          `only on ${topic}`
        )
        if (retract && !circumstances.concurrent) assertAlternating(topic, routed)
      }
      const retracted = routed.filter(message => message.retracted).length
      const cutOff = retract ? 0 : this.#missing(topic, isRight, circumstances)
      return { routed: routed.length - retracted, retracted, cutOff }
    })
    const sum = (key: keyof RouteFigures) => counts.reduce((total, count) => total + count[key], 0)
    return { routed: sum('routed'), retracted: sum('retracted'), cutOff: sum('cutOff') }
  }

  /** Number of answers that are missing on a topic of routes without retractions. */
  #missing(topic: string, isRight: (answer: Seen) => boolean, { ended }: Circumstances): number {
    let count = 0
    for (const [delivery, answers] of grouped(this.#answers, ({ source, objectId }) => `${source} (${objectId})`)) {
      const missing = answers.filter(answer => !isRight(answer))
      count += missing.length
      if (missing.length === 0) continue
      // Each time a packet is processed, the first message is about its own alert.
      const own = answers.filter(({ candid }) => candid === answers[0]?.candid)
      assert.ok(ended && own.length > 1, `${missing[0]?.id} is missing on ${topic}`)
      assert.ok(own.some(isRight), `no answer for the alert of ${delivery} is right on ${topic}`)
    }
    return count
  }

  #seen(body: Classification, headers: Readonly<Record<string, string>>): Seen {
    const { id, objectId, candid, jd, lightCurve, status, reason } = body
    return {
      id,
      objectId,
      candid,
      jd,
      lightCurve: { revision: lightCurve.revision },
      source: headers.source ?? '',
      admitted: reason === null || !rejections.includes(reason),
      unmet: new Map(
        this.#topics.map(({ topic, routes }) => {
          const unmet = status === 'CLASSIFIED' ? routes.map(route => route(body)) : [['status']]
          return [topic, new Set(unmet.some(keys => keys.length === 0) ? [] : unmet.flat())]
        })
      ),
      retracted: headers.retracted !== undefined
    }
  }
}

/** The current answer of each object that has an admitted alert. */
function currentAdmitted(answers: readonly Seen[]): Seen[] {
  const admitted = answers.filter(answer => answer.admitted)
  return [...grouped(admitted, ({ objectId }) => objectId).values()].map(newestOf)
}

/** The greatest of an object's messages; if messages tie, the last one. */
function newestOf(messages: readonly Seen[]): Seen {
  return messages.reduce((newest, message) => (compareAnswers(message, newest) >= 0 ? message : newest))
}

/** Fails unless the object of its current answer is on the topic exactly if that belongs there. */
function assertPlace(answer: Seen, topic: string, routed: readonly Seen[]): void {
  const own = routed.filter(({ objectId }) => objectId === answer.objectId)
  const belongs = answer.unmet.get(topic)?.size === 0
  if (own.length === 0 && !belongs) return
  assert.ok(own.length > 0, `${answer.objectId} is missing on ${topic}`)
  const place = newestOf(own)
  if (belongs) assert.equal(place.id, answer.id, `the newest message of ${answer.objectId} on ${topic}`)
  assert.equal(place.retracted, !belongs, `whether ${answer.objectId} is retracted from ${topic}`)
}

function assertAlternating(topic: string, routed: readonly Seen[]): void {
  const on = new Set<string>()
  for (const { objectId, id, retracted } of routed) {
    if (!retracted) on.add(objectId)
    else assert.ok(on.delete(objectId), `${id} is retracted from ${topic}, where its object is not`)
  }
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
