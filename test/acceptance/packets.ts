import fs from 'node:fs'
import { createDecoder } from '../../src/alerts/decoder.ts'
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
