import { Bench } from 'tinybench'

/** Cost per item, µs: minimum and median over the rounds. */
export interface Cost {
  readonly name: string
  readonly items: number
  readonly min: number
  readonly median: number
}

/** A step that processes `items` items; `prepare` runs before each round and is not measured. */
export interface Step {
  readonly name: string
  readonly items: number
  readonly run: () => unknown
  readonly prepare?: () => unknown
}

/** Measures each step for `ms` milliseconds after an equal warm-up. */
export async function measure(steps: readonly Step[], ms: number): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const { name, items, run, prepare } of steps) {
    const bench = new Bench({ time: ms, warmupTime: ms, iterations: 5, warmupIterations: 3, retainSamples: true })
    bench.add(name, () => run() as Promise<void>, {
      ...(prepare ? { beforeEach: async () => void (await prepare()) } : {})
    })
    const [task] = await bench.run()
    const result = task?.result
    if (!result || !('latency' in result)) throw new Error(`${name}: ${task?.result.state ?? 'no result'}`)
    const perItem = (milliseconds: number): number => Math.round((milliseconds / items) * 1e6) / 1e3
    costs.push({ name, items, min: perItem(result.latency.min), median: perItem(result.latency.p50) })
  }
  return costs
}
