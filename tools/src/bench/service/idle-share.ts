import fs from 'node:fs'
import { growth } from './process-meter.ts'

/** For `--import`. */
export const idleRecorder = new URL('./idle-recorder.mjs', import.meta.url).href

/** Share of the time between two moments (epoch ms) in which the event loop waited, 0–1, from the recorder's file; null if unknown. */
export function idleShare(file: string, from: number, to: number): number | null {
  if (!fs.existsSync(file)) return null
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  const samples = lines.map(line => line.split(' ').map(Number) as [at: number, idle: number, active: number])
  const idle = growth(
    samples.map(([at, value]) => ({ at, value })),
    from,
    to
  )
  const active = growth(
    samples.map(([at, , value]) => ({ at, value })),
    from,
    to
  )
  return idle === null || active === null || idle + active === 0 ? null : idle / (idle + active)
}
