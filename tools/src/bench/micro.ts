/**
 * `npm run bench:micro`: what each step costs, µs per alert on one thread, as JSON. See docs/performance.md.
 * `--ms N`: how long each is measured (300); a name or a part of it measures only those.
 */
import os from 'node:os'
import { parseArgs } from 'node:util'
import { type Cost, measure } from './micro/measure.ts'
import { classifying, decoding, encoding, merging, storing } from './micro/pieces.ts'

const { values, positionals } = parseArgs({ options: { ms: { type: 'string' } }, allowPositionals: true })
const ms = Number(values.ms ?? 300)

const classify = await classifying()
const store = await storing()
const pieces = [...(await decoding()), ...merging(), ...classify.pieces, ...(await encoding()), ...store.pieces]
const wanted = pieces.filter(({ name }) => positionals.every(part => name.includes(part)))
const costs = await measure(wanted, ms)
classify.dispose()
await store.dispose()

const machine = { cpus: os.availableParallelism(), model: os.cpus()[0]?.model ?? '', node: process.version }
process.stdout.write(`${JSON.stringify({ machine, microseconds: costs, growth: growth(costs) }, null, 2)}\n`)

/** What one new detection costs at 1,000 points against 10, merge and classification together, at each batch. */
function growth(all: readonly Cost[]): Record<string, number> {
  const min = (name: string): number => all.find(cost => cost.name === name)?.min ?? Number.NaN
  const whole = (points: number, batch: number): number =>
    min(`merge, ${points} points`) + min(`classify warm, ${points} points, batch ${batch}`)
  const ratios = [1, 8, 32, 128, 256].map(batch => [`batch ${batch}`, whole(1000, batch) / whole(10, batch)] as const)
  return Object.fromEntries(
    ratios.filter(([, ratio]) => !Number.isNaN(ratio)).map(([k, v]) => [k, Math.round(v * 100) / 100])
  )
}
