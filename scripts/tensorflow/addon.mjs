// Compiles the addon of @tensorflow/tfjs-node from the sources in the package.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder, compiler, run, SetupError, say } from './machine.mjs'
import { packageFolder, tfjsVersion } from './package.mjs'

const header = fileURLToPath(new URL('include/tensorflow_c.h', import.meta.url))

/** Headers that the addon's sources include. */
const headerNames = [
  'tensorflow/c/c_api.h',
  'tensorflow/c/eager/c_api.h',
  'tensorflow/c/tf_datatype.h',
  'tensorflow/c/tf_status.h',
  'tensorflow/c/tf_tensor.h',
  'tensorflow/core/platform/ctstring_internal.h'
]

/** Version of Node-API to compile for: the highest that the package knows; newer ones of Node run it as well. */
const napi = '8'

/**
 * Compiles the addon, or takes it from the cache, and copies it into the package.
 * @param {string} root of the project @param {string} folder of the package
 */
export function placeAddon(root, folder) {
  const target = path.join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node')
  fs.mkdirSync(path.dirname(target), { recursive: true })
  const recipe = createHash('sha256').update(fs.readFileSync(header)).update(tfjsVersion).digest('hex').slice(0, 12)
  const cached = path.join(cacheFolder(), `addon-${recipe}.node`)
  if (!fs.existsSync(cached)) {
    say('Building the addon …')
    const part = `${cached}.${process.pid}.part`
    compile(root, folder, part)
    fs.renameSync(part, cached)
  }
  fs.copyFileSync(cached, target)
}

/** @param {string} root @param {string} folder @param {string} output */
function compile(root, folder, output) {
  const include = path.join(folder, 'deps', 'include')
  for (const name of headerNames) {
    fs.mkdirSync(path.dirname(path.join(include, name)), { recursive: true })
    fs.copyFileSync(header, path.join(include, name))
  }
  const nodeApi = packageFolder(root, 'node-api-headers')
  if (nodeApi === null) throw new SetupError('node-api-headers is not installed')
  run(compiler(), [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${napi}`],
    ...[path.join(nodeApi, 'include'), include, folder].map(path => `-I${path}`),
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map(name => path.join(folder, 'binding', name)),
    ...[`-L${path.join(folder, 'deps', 'lib')}`, '-ltensorflow', '-ltensorflow_framework'],
    // Relative to the addon, so that the project can be moved.
    ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', output]
  ])
}
