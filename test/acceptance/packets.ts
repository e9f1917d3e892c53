import fs from 'node:fs'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { sharedFiles } from '../support/shared.ts'

/** A real packet and its alerts. */
export interface RealPacket {
  readonly name: string
  readonly bytes: Buffer
  /** `objectId/candid` of its records; empty if it cannot be decoded. */
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
