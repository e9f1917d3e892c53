/** What the order of answers rests on, in a decoded Avro message (`candid` a bigint) or in JSON (`candid` a string). */
export interface AnswerOrder {
  readonly jd: number
  readonly candid: bigint | string
  readonly lightCurve: { readonly revision: number }
}

/**
 * Positive where `a` is the later answer of the two, zero where they tie: the greater (`jd`, `candid`, `revision`), as
 * docs/subscribe.md promises it. The tests' only statement of this order; the product's own are tested against it.
 */
export function compareAnswers(a: AnswerOrder, b: AnswerOrder): number {
  if (a.jd !== b.jd) return a.jd - b.jd
  const [first, second] = [BigInt(a.candid), BigInt(b.candid)]
  if (first !== second) return first > second ? 1 : -1
  return a.lightCurve.revision - b.lightCurve.revision
}

/** The current answer of every object, in order of `objectId`; of messages that tie, the last. */
export function currentAnswers<T extends AnswerOrder & { readonly objectId: string }>(
  bodies: Iterable<T>
): Map<string, T> {
  const current = new Map<string, T>()
  for (const body of bodies) {
    const old = current.get(body.objectId)
    if (!old || compareAnswers(body, old) >= 0) current.set(body.objectId, body)
  }
  return new Map([...current].sort())
}

/** The `id` of every object's current answer. */
export function currentIds(bodies: Iterable<AnswerOrder & { objectId: string; id: string }>): Map<string, string> {
  return new Map([...currentAnswers(bodies)].map(([objectId, { id }]) => [objectId, id]))
}
