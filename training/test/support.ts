import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { parseTaxonomy, type Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'
import type { KnownObject } from '../src/data/labelled.ts'
import { exportModel, type Findings } from '../src/export.ts'
import type { SimulatedPoint } from '../src/light-curves/light-curve.ts'
import type { FitState } from '../src/network/fit.ts'
import { noMoments } from '../src/network/optimiser.ts'
import { initialWeights } from '../src/network/trainable.ts'
import { random } from '../src/random.ts'
import { parseRecipe } from '../src/recipe.ts'
import type { TrainListener, TrainPlan } from '../src/session.ts'

/** Root → A {A1, A2}, B, C {C1}: a group of three, one of two, and an only child. */
export const smallTaxonomyText: string = JSON.stringify({
  name: 'small',
  version: '1',
  root: 'Root',
  nodes: [
    { name: 'A', parent: 'Root' },
    { name: 'A1', parent: 'A' },
    { name: 'A2', parent: 'A' },
    { name: 'B', parent: 'Root' },
    { name: 'C', parent: 'Root' },
    { name: 'C1', parent: 'C' }
  ],
  labels: { 'type A1': 'A1', 'type A2': 'A2', 'some A': 'A', 'type B': 'B', 'type C1': 'C1', anything: 'Root' }
})

export const smallTaxonomy: Taxonomy = parseTaxonomy(smallTaxonomyText)

/** A made object: magnitudes about a level that its node sets, so that there is something to learn. */
export function madeObject(id: number, node: number, detections = 12): KnownObject {
  const draw = random(77, id)
  const points: SimulatedPoint[] = []
  for (let at = 0; at < detections; at++) {
    const level = 17 + 0.4 * node + 0.02 * at * (node % 3)
    const jd = 2459000 + 3 * at + draw.uniform(0, 0.5)
    const magnitude = Math.fround(level + 0.2 * draw.normal())
    const fid = (at % 2) + 1 === 1 ? 1 : 2
    if (at % 4 === 1) {
      points.push({ jd: jd - 1, fid, detection: false, positive: false, magnitude: Math.fround(20.5), error: 0 })
    }
    points.push({ jd, fid, detection: true, positive: true, magnitude, error: Math.fround(0.1) })
  }
  const label = ['some A', 'type A1', 'type A2', 'type B', 'C', 'type C1'][node] as string
  return { id: `made${id}`, label, source: 'made', photometry: 'difference_mag', points, detections, node }
}

/** So many made objects, of nodes A1, A2, B and C1 in turn. */
export function madeObjects(count: number): KnownObject[] {
  return Array.from({ length: count }, (_, id) => madeObject(id, [1, 2, 3, 5][id % 4] as number, 6 + (id % 7)))
}

/** An object as a line of a light-curve file. */
export function lineOf({ id, label, source, photometry, points }: KnownObject): string {
  return JSON.stringify({
    id,
    label,
    source,
    photometry,
    mjd: points.map(({ jd }) => jd - 2400000.5),
    band: points.map(({ fid }) => 'gri'[fid - 1]),
    mag: points.map(({ magnitude }) => magnitude),
    err: points.map(({ detection, error }) => (detection ? error : null)),
    ul: points.map(({ detection }) => (detection ? 0 : 1))
  })
}

/** Tells nobody. */
export const silent: TrainListener = {
  note: () => undefined,
  begin: async () => undefined,
  batch: () => undefined,
  epoch: async () => undefined,
  end: () => undefined,
  tables: () => undefined
}

/** A training of a small network that takes a second. */
export function smallPlan(out: string, taxonomy: string, data: string): TrainPlan {
  return {
    data: [data],
    taxonomy,
    out,
    runtime: 'wasm',
    recipe: parseRecipe(
      {
        epochs: 2,
        seed: 1,
        network: { embedding: 8, hidden: 8, dense: 8, dropout: 0.1 },
        loss: { alpha: 0.5, beta: 0.5, labelsCount: 'nodes', lastWeight: 0.2 },
        schedule: { batch: 16 },
        sampling: { draws: 'balanced', persistent: [] },
        judged: { days: ['full'], bootstrap: 0 }
      },
      'made'
    ),
    recipeName: null,
    populations: {},
    alerts: null,
    folds: 0,
    fold: null,
    resume: false,
    overwrite: false,
    leaveOut: [],
    leftOut: null,
    crossValidation: null,
    start: null,
    teachers: [],
    name: 'made',
    version: '1',
    command: 'made'
  }
}

/** Writes a small network that learned nothing, as if it had been trained on objects of the small taxonomy, and opens it. */
export async function madeModel(
  folder: string,
  runtime: Runtime,
  objects: readonly KnownObject[],
  { beta = 0, ...findings }: Findings & { readonly beta?: number } = {}
): Promise<RecurrentClassifier> {
  const recipe = parseRecipe({ seed: 3, loss: { beta } }, 'made')
  const plan = { ...smallPlan(folder, '', ''), recipe }
  const session = { plan, taxonomy: smallTaxonomy, taxonomyText: smallTaxonomyText, runtime, notes: [] }
  return exportModel(session, folder, { state: madeState, kept: objects }, findings)
}

/** The state of a training before its first step. */
export const madeState: FitState = {
  ...{ epoch: 0, batch: 0, lossSum: 0, finished: true, history: [], best: null },
  moments: noMoments({}),
  weights: initialWeights({ embedding: 6, hidden: 5, dense: 7 }, smallTaxonomy.nodes.length, 3)
}
