import { HieraxError } from '../errors.ts'
import { KernelNetwork } from './kernel-network.ts'
import { Network, type Weights } from './network.ts'
import { createRuntime, type Runtime, type RuntimeName } from './runtime.ts'

/** What computes the networks of classifiers: the kernel for `wasm`, TensorFlow.js for `node`. */
export type InferenceRuntime = Runtime | { readonly name: 'wasm' }

/**
 * The runtime of a classifier. `wasm` works everywhere, needs no TensorFlow.js, and its results are bit-identical at any batch size. `node` is
 * that of {@link createRuntime}; `auto` is `node` where it loads, else `wasm`. Throws RUNTIME_UNAVAILABLE.
 */
export async function inferenceRuntime(name: RuntimeName = 'wasm'): Promise<InferenceRuntime> {
  if (name === 'wasm') return { name }
  try {
    return await createRuntime('node')
  } catch (error) {
    if (name === 'auto' && error instanceof HieraxError && error.code === 'RUNTIME_UNAVAILABLE') return { name: 'wasm' }
    throw error
  }
}

/** A network with these weights. Throws MODEL_INVALID where their shapes don't fit. */
export function networkOn(runtime: InferenceRuntime, weights: Weights): Network | KernelNetwork {
  return runtime.name === 'node' ? new Network(runtime, weights) : new KernelNetwork(weights)
}
