import fs from 'node:fs'
import { createDecoder } from '../../src/alerts/decoder.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { sharedFiles } from '../support/shared.ts'

/** A real packet and what it holds. */
export interface RealPacket {
  readonly name: string
  readonly bytes: Buffer
  /** `objectId/candid` of its records; empty where it can't be read. */
  readonly alerts: readonly string[]
}

/** All real packets. */
export function realPackets(folder = 'alerts'): RealPacket[] {
  const decoder = createDecoder()
  return sharedFiles(folder).map(name => {
    const bytes = fs.readFileSync(name)
    try {
      return { name, bytes, alerts: decoder.decode(bytes).map(a => `${a.objectId}/${a.record.candid}`) }
    } catch {
      return { name, bytes, alerts: [] }
    }
  })
}

/** The answer of every object: its message with the greatest (`jd`, `candid`, `revision`), as `id` by object. */
export function answersOf(bodies: readonly Classification[]): Map<string, string> {
  const best = new Map<string, Classification>()
  for (const body of bodies) {
    const old = best.get(body.objectId)
    if (!old || isAfter(body, old)) best.set(body.objectId, body)
  }
  return new Map([...best].sort().map(([objectId, body]) => [objectId, body.id]))
}

function isAfter(a: Classification, b: Classification): boolean {
  if (a.jd !== b.jd) return a.jd > b.jd
  if (a.candid !== b.candid) return a.candid > b.candid
  return Number(a.lightCurve.revision) >= Number(b.lightCurve.revision)
}
