import { RecurrentClassifier } from '../../src/classifier/classifier.ts'
import { bundledModel, readModelFolder } from '../../src/classifier/model-folder.ts'
import { networkSizes } from '../../src/classifier/network/network.ts'
import { createRuntime } from '../../src/classifier/network/runtime.ts'

/**
 * The bundled classifier with another network, which is fast and counts its steps. As with any recurrent network, the answer depends on
 * every detection and on their order.
 */
export async function countingClassifier(): Promise<{ classifier: RecurrentClassifier; takeSteps: () => number }> {
  const model = await readModelFolder(bundledModel)
  const sizes = networkSizes(model.weights)
  let count = 0
  const advance = (rows: number, steps: number, inputs: Float32Array, hidden: Float32Array) => {
    count += rows * steps
    const after = [hidden]
    for (let step = 0; step < steps; step++) {
      const before = after[step] as Float32Array
      const next = before.map((value, at) => {
        const row = Math.floor(at / sizes.hidden)
        const from = (step * rows + row) * sizes.inputs
        return 0.75 * value + 0.1 * (inputs[from + (at % sizes.inputs)] as number)
      })
      after.push(next)
    }
    return { hidden: after.slice(1), embedding: new Float32Array(rows * sizes.embedding) }
  }
  const head = (rows: number, features: Float32Array) => {
    const logits = new Float32Array(rows * sizes.outputs)
    return logits.map((_, at) => {
      const from = Math.floor(at / sizes.outputs) * sizes.features
      const unit = at % sizes.outputs
      return (features[from + unit] as number) + (features[from + sizes.features - 1 - unit] as number)
    })
  }
  const network = { sizes, advance, head, dispose: () => {} }
  const takeSteps = () => {
    const taken = count
    count = 0
    return taken
  }
  return { classifier: new RecurrentClassifier(model, await createRuntime(), null, network), takeSteps }
}
