/** A function to be minimised: its value at a point, with its gradient written to `gradient`. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number

/** Steps that the next direction is learned from. */
const memory = 10
/** Share of the expected decrease that a step must bring. */
const sufficient = 1e-4

/**
 * Minimises a smooth function by L-BFGS (Nocedal & Wright 2006, algorithm 7.5) with a backtracking line search. Deterministic.
 * Ends when no part of the gradient is larger than `tolerance`, when no step brings anything, or after `iterations`.
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  { iterations = 500, tolerance = 1e-7 }: { readonly iterations?: number; readonly tolerance?: number } = {}
): Float64Array {
  let point = start.slice()
  let gradient = new Float64Array(point.length)
  let value = objective(point, gradient)
  const steps: Step[] = []
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (gradient.every(part => Math.abs(part) <= tolerance)) break
    let direction = descent(gradient, steps)
    if (dot(direction, gradient) >= 0) {
      steps.length = 0
      direction = descent(gradient, steps)
    }
    const slope = dot(direction, gradient)
    const firstLength = steps.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1
    const next = lineSearch(objective, point, value, direction, slope, firstLength)
    if (next === null) break
    const difference = (a: Float64Array, b: Float64Array) => a.map((part, at) => part - (b[at] as number))
    remember(steps, difference(next.point, point), difference(next.gradient, gradient))
    ;({ point, gradient, value } = next)
  }
  return point
}

/** How far a step went, and what it changed in the gradient. */
interface Step {
  readonly way: Float64Array
  readonly change: Float64Array
  /** One over their product. */
  readonly weight: number
}

interface Place {
  readonly point: Float64Array<ArrayBuffer>
  readonly gradient: Float64Array<ArrayBuffer>
  readonly value: number
}

function lineSearch(
  objective: Objective,
  point: Float64Array,
  value: number,
  direction: Float64Array,
  slope: number,
  firstLength: number
): Place | null {
  let length = firstLength
  for (let tries = 0; tries < 40; tries++, length /= 2) {
    const next = point.map((part, at) => part + length * (direction[at] as number)) as Float64Array<ArrayBuffer>
    const gradient = new Float64Array(next.length)
    const reached = objective(next, gradient)
    if (reached <= value + sufficient * length * slope && reached < value)
      return { point: next, gradient, value: reached }
  }
  return null
}

/** The direction in which to go: minus the gradient, bent by the curvature that earlier steps showed. */
function descent(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const direction = gradient.map(part => -part)
  const factors: number[] = []
  for (let at = steps.length - 1; at >= 0; at--) {
    const { way, change, weight } = steps[at] as Step
    const factor = weight * dot(way, direction)
    factors[at] = factor
    add(direction, change, -factor)
  }
  const last = steps.at(-1)
  if (last !== undefined) {
    const scale = 1 / (last.weight * dot(last.change, last.change))
    for (let at = 0; at < direction.length; at++) direction[at] = (direction[at] as number) * scale
  }
  for (const [at, { way, change, weight }] of steps.entries()) {
    add(direction, way, (factors[at] as number) - weight * dot(change, direction))
  }
  return direction
}

/** Keeps a step, unless the function curves the wrong way along it. */
function remember(steps: Step[], way: Float64Array, change: Float64Array): void {
  const product = dot(way, change)
  if (product <= 1e-12 * dot(change, change)) return
  steps.push({ way, change, weight: 1 / product })
  if (steps.length > memory) steps.shift()
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

function add(to: Float64Array, values: Float64Array, times: number): void {
  for (let at = 0; at < to.length; at++) to[at]! += times * (values[at] as number)
}
