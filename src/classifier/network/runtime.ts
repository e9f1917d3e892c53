import { createRequire } from 'node:module'
import path from 'node:path'
import util from 'node:util'
import type * as tfjs from '@tensorflow/tfjs-core'
import { HieraxError } from '../../errors.ts'

/** TensorFlow.js with a started backend. */
export interface Runtime {
  readonly name: 'wasm' | 'node'
  readonly tf: typeof tfjs
}

/** Which backend to use: `auto` is tfjs-node where it loads, else WebAssembly. */
export type RuntimeName = 'wasm' | 'node' | 'auto'

const started = new Map<Runtime['name'], Promise<Runtime>>()

/**
 * Starts a TensorFlow.js backend, once per process. `wasm` works everywhere, and its results are bit-identical at any batch size.
 * `node` needs tfjs-node (`npm run setup:tensorflow`), and its results may differ in the seventh digit from batch to batch. Only one
 * backend is active in a process: the last one started. Throws RUNTIME_UNAVAILABLE.
 */
export async function createRuntime(name: RuntimeName = 'wasm'): Promise<Runtime> {
  if (name !== 'auto') return start(name)
  try {
    return await start('node')
  } catch (error) {
    if (error instanceof HieraxError && error.code === 'RUNTIME_UNAVAILABLE') return start('wasm')
    throw error
  }
}

async function start(name: Runtime['name']): Promise<Runtime> {
  let runtime = started.get(name)
  if (runtime === undefined) {
    runtime = name === 'wasm' ? startWasm() : startNode()
    started.set(name, runtime)
  }
  const { tf } = await runtime
  const backend = name === 'wasm' ? 'wasm' : 'tensorflow'
  if (tf.getBackend() !== backend) await tf.setBackend(backend)
  return runtime
}

/** The WebAssembly binaries are in the npm package; nothing is fetched. */
async function startWasm(): Promise<Runtime> {
  try {
    const tf = await import('@tensorflow/tfjs-core')
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${path.dirname(entry)}${path.sep}`)
    tf.enableProdMode()
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
    if (!(await tf.setBackend('wasm'))) throw new Error('the backend did not start')
    await tf.ready()
    return { name: 'wasm', tf }
  } catch (cause) {
    throw new HieraxError(
      'RUNTIME_UNAVAILABLE',
      `TensorFlow.js on WebAssembly does not start: ${(cause as Error).message}`,
      {
        cause
      }
    )
  }
}

/** tfjs-node calls helpers that Node 23 removed from `util`. One thread is as fast as two and leaves a core free. */
async function startNode(): Promise<Runtime> {
  const legacy = util as unknown as Record<string, unknown>
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined
  legacy.isArray ??= Array.isArray
  process.env.TF_NUM_INTRAOP_THREADS ??= '1'
  process.env.TF_NUM_INTEROP_THREADS ??= '1'
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  try {
    // An optional dependency: a variable keeps the compiler from resolving the name.
    const addon: string = '@tensorflow/tfjs-node'
    const loaded = (await import(addon)) as typeof tfjs & { default?: typeof tfjs }
    const tf = loaded.default ?? loaded
    tf.enableProdMode()
    if (!(await tf.setBackend('tensorflow'))) throw new Error('the backend did not start')
    return { name: 'node', tf }
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0]
    throw new HieraxError('RUNTIME_UNAVAILABLE', `tfjs-node does not load: ${reason}`, { cause })
  }
}
