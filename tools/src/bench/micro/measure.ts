import { Bench } from 'tinybench'

/** What one item of a piece of work costs, µs: the least disturbed round, and the middle one. */
export interface Cost {
  readonly name: string
  readonly items: number
  readonly min: number
  readonly median: number
}

/** A piece of work on `items` items at once; what `prepare` does before each round is not measured. */
export interface Piece {
  readonly name: string
  readonly items: number
  readonly run: () => unknown
  readonly prepare?: () => unknown
}

/** Rounds of each piece, for `ms` milliseconds each after as long a warm-up. */
export async function measure(pieces: readonly Piece[], ms: number): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const { name, items, run, prepare } of pieces) {
    const bench = new Bench({ time: ms, warmupTime: ms, iterations: 5, warmupIterations: 3, retainSamples: true })
    bench.add(name, () => run() as Promise<void>, { ...(prepare ? { beforeEach: () => void prepare() } : {}) })
    const [task] = await bench.run()
    const result = task?.result
    if (!result || !('latency' in result)) throw new Error(`${name}: ${task?.result.state ?? 'no result'}`)
    const perItem = (milliseconds: number): number => Math.round((milliseconds / items) * 1e6) / 1e3
    costs.push({ name, items, min: perItem(result.latency.min), median: perItem(result.latency.p50) })
  }
  return costs
}
