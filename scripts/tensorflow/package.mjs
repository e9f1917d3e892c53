// The package @tensorflow/tfjs-node in a project's node_modules.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { run } from './machine.mjs'

const name = '@tensorflow/tfjs-node'

/** The last release; all @tensorflow packages must have the same version, to share one tfjs-core. */
export const tfjsVersion = '4.22.0'
const headersVersion = '1.9.0'

/** Host from which the package's installer downloads its binaries. */
export const downloadHost =
  process.env.TFJS_NODE_CDN_STORAGE || process.env.CDN_STORAGE || 'https://storage.googleapis.com/'

// Node 23 removed two functions that tfjs-node 4.22 calls; they must be defined before it loads.
const probe = `
const util = require('node:util')
util.isNullOrUndefined ??= value => value === null || value === undefined
util.isArray ??= Array.isArray
const tf = require('${name}')
const product = tf.matMul([[1, 2], [3, 4]], [[1, 2], [3, 4]]).dataSync()
if (String(product) !== '7,10,15,22') throw new Error('matMul returned ' + product)
process.stdout.write(tf.backend().binding.TF_Version)`

/**
 * Version of the TensorFlow library of the package, or the reason why it does not load. It is loaded in a child process, which an
 * incompatible library could crash.
 * @param {string} root of the project
 * @returns {{version: string} | {reason: string}}
 */
export function load(root) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' }
  const result = spawnSync(process.execPath, ['-e', probe], { cwd: root, encoding: 'utf8', env, timeout: 120_000 })
  if (result.status === 0) return { version: result.stdout }
  return { reason: result.stderr.trim().slice(-1500) || `ended by ${result.signal ?? result.status}` }
}

/**
 * Folder of the package; null if it is not installed.
 * @param {string} root @param {string} [wanted]
 */
export function packageFolder(root, wanted = name) {
  try {
    return path.dirname(createRequire(path.join(root, 'package.json')).resolve(`${wanted}/package.json`))
  } catch {
    return null
  }
}

/**
 * Installs the JavaScript of the package and Node-API's headers, without running scripts and without saving: neither
 * package.json nor its lock file changes.
 * @param {string} root
 */
export function installPackage(root) {
  if (packageFolder(root) && packageFolder(root, 'node-api-headers')) return
  const packages = [`${name}@${tfjsVersion}`, `node-api-headers@${headersVersion}`]
  // As a regular dependency, because npm skips the project's optional peer dependencies.
  const options = ['--no-save', '--save-prod', '--ignore-scripts', '--no-audit', '--no-fund']
  run('npm', ['install', ...options, ...packages], { cwd: root })
}

/**
 * Runs the package's own installer, which downloads its binaries.
 * @param {string} root
 */
export function runOwnInstaller(root) {
  run('npm', ['rebuild', name], { cwd: root, limitMs: 600_000 })
}
