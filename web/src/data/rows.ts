import { type Classification, supersedes } from './types.ts'

/** Objects in the list. */
export const maxRows = 80

/** New arrivals before what was there; of each object the answer that stands, where its newest arrival is. */
export function merged(arrivals: readonly Classification[], before: readonly Classification[]): Classification[] {
  const kept = new Map<string, Classification>()
  for (const one of [...arrivals, ...before]) {
    const known = kept.get(one.objectId)
    if (!known || !supersedes(known, one)) kept.set(one.objectId, one)
  }
  return [...kept.values()].slice(0, maxRows)
}
