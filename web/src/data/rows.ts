import { type Classification, supersedes } from './types.ts'

/** Objects in the list. */
export const maxRows = 80

/** Puts arrivals before the existing rows: for each object its current classification, at the place of its newest arrival. */
export function merged(arrivals: readonly Classification[], existing: readonly Classification[]): Classification[] {
  const kept = new Map<string, Classification>()
  for (const one of [...arrivals, ...existing]) {
    const known = kept.get(one.objectId)
    if (!known || !supersedes(known, one)) kept.set(one.objectId, one)
  }
  return [...kept.values()].slice(0, maxRows)
}
