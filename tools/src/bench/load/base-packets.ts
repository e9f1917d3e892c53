import fs from 'node:fs'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { rejectionOf } from 'hierax/alerts/admission.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { shared, sharedFiles } from '../../../../test/support/shared.ts'
import { Simulation, type SimulationOptions } from '../../simulator/simulate.ts'
import { PacketEditor } from './packet-editor.ts'

/** The packets that a load is derived from. */
export interface BasePackets {
  /** Description of their source. */
  readonly from: string
  readonly editors: readonly PacketEditor[]
}

/** The default admission settings. */
const admission = { programs: [1], admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 } }

/** Minimum size of a packet with images, bytes; a real broker carries no others. */
const fullSize = 40_000

/**
 * Full-size packets that will be classified: real ones (`../shared/alerts`) where available, else simulated ones. Alerts that are not
 * admitted cost less and are left out. `most` limits the number of packets that are considered.
 */
export async function basePackets(most = Number.POSITIVE_INFINITY): Promise<BasePackets> {
  const files = fs.existsSync(shared) ? sharedFiles('alerts') : []
  const spacing = Math.max(1, Math.floor(files.length / most))
  const considered = files.filter((_, index) => index % spacing === 0)
  const real = editorsOf(considered.map(file => fs.readFileSync(file)))
  if (real.length > 0) return { from: `${real.length} real ZTF packets`, editors: real }
  return simulatedPackets({}, { most: Math.min(most, 200) })
}

/** Packets simulated from the example light curves that will be classified: about `most` of them, of at least `leastBytes`. */
export async function simulatedPackets(
  options: SimulationOptions,
  { most = 200, leastBytes = fullSize } = {}
): Promise<BasePackets> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const simulation = new Simulation(curves, { seed: 1, ...options })
  const every = Math.max(1, Math.floor(simulation.length / most))
  const chosen = [...simulation].filter((_, index) => index % every === 0).map(({ bytes }) => bytes)
  const editors = editorsOf(chosen, leastBytes)
  return { from: `${editors.length} simulated packets`, editors }
}

/** Editors of the packets that will be classified and have at least `leastBytes`. */
function editorsOf(packets: readonly Buffer[], leastBytes = fullSize): PacketEditor[] {
  const decoder = createDecoder()
  return packets.flatMap(packet => {
    if (packet.length < leastBytes) return []
    try {
      const [alert, ...more] = decoder.decode(packet)
      const fit = alert !== undefined && more.length === 0 && rejectionOf(alert.record, admission) === null
      return fit ? [new PacketEditor(packet)] : []
    } catch {
      return [] // some packets are deliberately invalid
    }
  })
}
