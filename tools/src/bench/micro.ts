/**
 * `npm run bench:micro`: the cost of each step in µs per alert on one thread, as JSON. See docs/performance.md.
 * `--ms N`: duration of each measurement (300); arguments select steps by parts of their names.
 */
import os from 'node:os'
import { parseArgs } from 'node:util'
import { newDetection } from './micro/late-alerts.ts'
import { type Cost, measure } from './micro/measure.ts'
import { classifying, decoding, encoding, merging, storing } from './micro/steps.ts'

const { values, positionals } = parseArgs({ options: { ms: { type: 'string' } }, allowPositionals: true })
const ms = Number(values.ms ?? 300)

const classify = await classifying()
const store = await storing()
const all = [...(await decoding()), ...merging(), ...classify.steps, ...(await encoding()), ...store.steps]
const selected = all.filter(({ name }) => positionals.every(part => name.includes(part)))
const costs = await measure(selected, ms)
classify.dispose()
await store.dispose()

const machine = { cpus: os.availableParallelism(), model: os.cpus()[0]?.model ?? '', node: process.version }
process.stdout.write(
  `${JSON.stringify({ machine, microseconds: costs, growth: growth(costs), late: late(costs) }, null, 2)}\n`
)

/**
 * Cost of an alert, a new detection, at 1,000 points relative to 10: `alert`, all steps together (decode, store, classify, encode as Avro), and
 * the merge with the classification alone, by batch size.
 */
function growth(all: readonly Cost[]): Record<string, number> {
  const min = (name: string): number => all.find(cost => cost.name === name)?.min ?? Number.NaN
  const merged = (points: number, batch: number): number =>
    min(`merge, ${points} points`) + min(`classify warm, ${points} points, batch ${batch}`)
  const alert = (points: number): number =>
    min('decode') +
    min(`store, lmdb, ${points} points`) +
    min(`classify warm, ${points} points, batch 128`) +
    min('encode, avro')
  const ratios = [
    ['alert', alert(1000) / alert(10)] as const,
    ...[1, 8, 32, 128, 256].map(batch => [`batch ${batch}`, merged(1000, batch) / merged(10, batch)] as const)
  ]
  return Object.fromEntries(
    ratios.filter(([, ratio]) => !Number.isNaN(ratio)).map(([k, v]) => [k, Math.round(v * 100) / 100])
  )
}

/** Cost of a late alert on a large object relative to a new detection of it, medians. */
function late(all: readonly Cost[]): Record<string, number> {
  const base = all.find(({ name }) => name === newDetection)?.median ?? Number.NaN
  const ofLate = all.filter(({ name }) => name.includes(', late,'))
  return Object.fromEntries(ofLate.map(({ name, median }) => [name, Math.round((median / base) * 10) / 10]))
}
