import fs from 'node:fs'
import path from 'node:path'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import type { AlertStream } from '../load/alert-stream.ts'
import { preload } from '../load/preload.ts'
import { percentile } from '../service/answers.ts'
import type { Cluster } from '../service/cluster.ts'
import { cold, type Load, warm } from '../service/phases.ts'
import type { Build } from '../service/workers.ts'
import { say } from '../setup.ts'

/** The two services: of this checkout, and of another commit. */
export type Side = 'this' | 'other'

export const sides: readonly Side[] = ['this', 'other']

export interface PairedOptions {
  readonly stream: AlertStream
  /** Number of epochs in the topic; the first one has the new objects. */
  readonly epochs: number
  readonly partitions: number
  readonly rounds: number
  /** New objects instead of known ones. */
  readonly cold: boolean
  /** Alerts per second of a second load, and its length in seconds; 0: none. */
  readonly rate: number
  readonly seconds: number
  /** How each side differs from a service of this checkout with the settings of the benchmark. */
  readonly services: Readonly<
    Record<Side, { readonly build?: Build; readonly settings: Readonly<Record<string, string>> }>
  >
}

/** What one run of one side measured; null where it could not be measured, or was not. */
export interface Run {
  readonly microsecondsOfCpuPerAlert: number | null
  readonly alertsPerSecond: number
  readonly mainThreadIdleShare: number | null
  readonly peakMegabytes: number | null
  /** Milliseconds from ingestion to publication, at the rate. */
  readonly p99: number | null
}

/** This checkout relative to the other commit: the ratio of the medians, and the least and greatest ratio within a round. */
export interface Ratio {
  readonly ofMedians: number
  readonly least: number
  readonly greatest: number
}

export type Round = Readonly<Record<Side, Run>>

/**
 * Measures both services by turns: the same topics and packets, a store of its own for each. Throws if a run has not exactly the
 * expected outcomes.
 */
export async function paired(cluster: Cluster, folder: string, options: PairedOptions): Promise<Round[]> {
  const { stream, epochs, partitions } = options
  const { tools } = cluster
  const topic = (name: string): string => tools.name(`bench-${name}`)
  const first: Load = { stream, topic: topic('cold'), from: 0, to: 1 }
  const known: Load = { stream, topic: topic('warm'), from: 1, to: epochs, measuredFrom: 2 }
  for (const load of options.cold ? [first] : [first, known]) {
    await tools.topic(load.topic, { partitions })
    await preload(tools, load.topic, partitions, stream.packets(load.from, load.to))
  }
  const pacedEpochs = Math.round((options.seconds * options.rate) / stream.objects)

  async function run(side: Side, round: number): Promise<Run> {
    const name = `${side}-${round}`
    say(`${side}, ${round === 0 ? 'new objects' : `round ${round} of ${options.rounds}`} …`)
    const load = round === 0 || options.cold ? first : known
    const paced = {
      stream,
      topic: topic(`paced-${name}`),
      from: load.to,
      to: load.to + pacedEpochs,
      rate: options.rate
    }
    const withPaced = round > 0 && pacedEpochs > 0
    if (withPaced) await tools.topic(paced.topic, { partitions, config: { 'message.timestamp.type': 'LogAppendTime' } })
    const settings = { name, ...options.services[side], ...(withPaced ? { paced } : {}) }
    const store = path.join(folder, side)
    const { checks, figures, pace } =
      load === known
        ? await warm(cluster, known, { ...settings, store, count: 1 })
        : await cold(cluster, first, { ...settings, store })
    if (options.cold) fs.rmSync(store, { recursive: true, force: true })
    for (const { phase, problems } of checks)
      if (problems.length > 0) throw new Error(`${name} (${phase}): ${problems.join('; ')}`)
    const { microsecondsOfCpuPerAlert, alertsPerSecond, mainThreadIdleShare, peakMegabytes } = figures
    return {
      microsecondsOfCpuPerAlert,
      alertsPerSecond,
      mainThreadIdleShare,
      peakMegabytes,
      p99: pace?.figures.p99 ?? null
    }
  }

  // Fills the stores.
  if (!options.cold) for (const side of sides) await run(side, 0)
  const rounds: Round[] = []
  for (let round = 1; round <= options.rounds; round++)
    rounds.push({ this: await run('this', round), other: await run('other', round) })
  return rounds
}

/** The ratio of each quantity over the rounds; null where a run lacks it. */
export function ratiosOf(rounds: readonly Round[]): Record<keyof Run, Ratio | null> {
  const quantities = Object.keys(rounds[0]?.this ?? {}) as (keyof Run)[]
  return Object.fromEntries(quantities.map(quantity => [quantity, ratioOf(rounds, quantity)])) as Record<
    keyof Run,
    Ratio | null
  >
}

function ratioOf(rounds: readonly Round[], quantity: keyof Run): Ratio | null {
  const pairs = rounds.map(round => [round.this[quantity], round.other[quantity]] as const)
  const complete = pairs.filter((pair): pair is readonly [number, number] => pair[0] !== null && !!pair[1])
  if (complete.length < rounds.length) return null
  const median = (of: 0 | 1): number => percentile(ascending(complete.map(pair => pair[of])), 0.5)
  const within = ascending(complete.map(([own, other]) => own / other))
  return {
    ofMedians: rounded(median(0) / median(1), 3),
    least: rounded(within[0] as number, 3),
    greatest: rounded(within.at(-1) as number, 3)
  }
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}
