#!/usr/bin/env node
// npm run setup:tensorflow: installs @tensorflow/tfjs-node, which training uses if it is available.
//
// It uses the package's own installer if its download host is reachable. Otherwise, on linux-x64, it takes TensorFlow's
// library from Maven Central and compiles the addon. `npm install` and `npm ci` remove the package again; libraries and
// addon stay in a cache, so that a repeated setup takes seconds.
import { placeAddon } from './tensorflow/addon.mjs'
import { placeLibraries } from './tensorflow/libraries.mjs'
import { missingForBuild, reachable, SetupError, say } from './tensorflow/machine.mjs'
import { downloadHost, installPackage, load, packageFolder, runOwnInstaller } from './tensorflow/package.mjs'

async function main() {
  const root = process.cwd()
  const before = load(root)
  if ('version' in before) return say(`tfjs-node loads already (TensorFlow ${before.version})`)

  const own = await reachable(downloadHost)
  const missing = missingForBuild()
  if (!own && missing !== null)
    throw new SetupError(`${new URL(downloadHost).host} is unreachable, and ${missing}; then run this again`)

  say('Installing the JavaScript of tfjs-node …')
  installPackage(root)
  if (own && useOwnInstaller(root, missing !== null)) return

  const folder = packageFolder(root)
  if (folder === null) throw new SetupError('npm did not install @tensorflow/tfjs-node')
  await placeLibraries(folder)
  placeAddon(root, folder)
  report(root)
}

/**
 * @param {string} root @param {boolean} only whether there is no alternative
 * @returns {boolean} whether it worked
 */
function useOwnInstaller(root, only) {
  say("Running tfjs-node's own installer …")
  try {
    runOwnInstaller(root)
    report(root)
    return true
  } catch (error) {
    if (only || !(error instanceof SetupError)) throw error
    say('The installer failed; building the addon instead.')
    return false
  }
}

/** @param {string} root */
function report(root) {
  const after = load(root)
  if ('reason' in after) throw new SetupError(`tfjs-node was installed, but does not load:\n${after.reason}`)
  say(`tfjs-node loads (TensorFlow ${after.version})`)
}

main().catch(error => {
  process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`)
  process.exitCode = 1
})
