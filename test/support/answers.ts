/** The fields that determine the order of an object's messages, decoded from Avro (`candid` a bigint) or JSON (`candid` a string). */
export interface AnswerOrder {
  readonly jd: number
  readonly candid: bigint | string
  readonly lightCurve: { readonly revision: number }
}

/**
 * Positive if `a` is more current than `b`, zero if they tie: it has the greater (`jd`, `candid`, `revision`), as documented in
 * docs/subscribe.md. This is the only implementation of the order in the tests; those of the service are tested against it.
 */
export function compareAnswers(a: AnswerOrder, b: AnswerOrder): number {
  if (a.jd !== b.jd) return a.jd - b.jd
  const [first, second] = [BigInt(a.candid), BigInt(b.candid)]
  if (first !== second) return first > second ? 1 : -1
  return a.lightCurve.revision - b.lightCurve.revision
}

/** The current classification of every object, in order of `objectId`; if messages tie, the last one. */
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

/** The `id` of every object's current classification. */
export function currentIds(bodies: Iterable<AnswerOrder & { objectId: string; id: string }>): Map<string, string> {
  return new Map([...currentAnswers(bodies)].map(([objectId, { id }]) => [objectId, id]))
}
