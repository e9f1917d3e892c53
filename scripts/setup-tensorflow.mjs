#!/usr/bin/env node
// npm run setup:tensorflow: makes @tensorflow/tfjs-node load, which training uses when it is there.
//
// By the package's own installer where its download host answers; else, on linux-x64, with TensorFlow's library from
// Maven Central and the addon compiled here. `npm install` and `npm ci` take it away again; libraries and addon stay in
// a cache, so that running this again takes seconds.
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
    throw new SetupError(`${new URL(downloadHost).host} is out of reach, and ${missing}; then run this again`)

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
 * @param {string} root @param {boolean} only whether there is no other way to try
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
    say('It did not succeed; building here instead.')
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
