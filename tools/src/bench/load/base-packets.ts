import fs from 'node:fs'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { refusalOf } from 'hierax/alerts/admission.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { shared, sharedFiles } from '../../../../test/support/shared.ts'
import { Simulation } from '../../simulator/simulate.ts'
import { PacketEditor } from './packet-editor.ts'

/** The packets that a load is made from. */
export interface BasePackets {
  /** For people: where they come from. */
  readonly from: string
  readonly editors: readonly PacketEditor[]
}

/** Settings of a service that nobody configured. */
const admission = { programs: [1], admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 } }

/** Packets without their images are not what a broker carries. */
const fullSize = 40_000

/**
 * Full-size packets that will be classified: real ones (`../shared/alerts`) where they are at hand, else simulated ones.
 * Alerts that a gate turns away cost less and are left out.
 */
export async function basePackets(): Promise<BasePackets> {
  const real = fs.existsSync(shared) ? editorsOf(sharedFiles('alerts').map(file => fs.readFileSync(file))) : []
  if (real.length > 0) return { from: `${real.length} real ZTF packets`, editors: real }
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const simulation = new Simulation(curves, { seed: 1 })
  const every = Math.max(1, Math.floor(simulation.length / 200))
  const editors = editorsOf([...simulation].filter((_, index) => index % every === 0).map(packet => packet.bytes))
  return { from: `${editors.length} simulated packets`, editors }
}

/** Those of the packets that will be classified, of at least so many bytes. */
export function editorsOf(packets: readonly Buffer[], leastBytes = fullSize): PacketEditor[] {
  const decoder = createDecoder()
  return packets.flatMap(packet => {
    if (packet.length < leastBytes) return []
    try {
      const [alert, ...more] = decoder.decode(packet)
      const fit = alert !== undefined && more.length === 0 && refusalOf(alert.record, admission) === null
      return fit ? [new PacketEditor(packet)] : []
    } catch {
      return [] // some packets are broken on purpose
    }
  })
}
