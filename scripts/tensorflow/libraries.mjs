// Downloads TensorFlow's shared libraries for linux-x64 from Maven Central, once: 117 MB, 480 MB unpacked.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { cacheFolder, run, SetupError, say } from './machine.mjs'

const version = '2.10.1'
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack'
const artifact = 'org.tensorflow:tensorflow-core-api:0.5.0:jar:linux-x86_64'

/** File name → SHA-256. */
const libraries = {
  'libtensorflow_cc.so.2': '5ae84cb63f4ea5cf91ceda184f4dd8b1587f309f42cd6455b71840aa04bee255',
  'libtensorflow_framework.so.2': 'd15439dbd77dac3bb12cbc041b90448f8f983f0bef19dd32fd27f1d32858d2b1'
}

/** @param {string} file */
async function sha256(file) {
  const hash = createHash('sha256')
  const stream = fs.createReadStream(file, { highWaterMark: 2 ** 20 })
  stream.on('data', chunk => hash.update(chunk))
  await once(stream, 'close')
  return hash.digest('hex')
}

/**
 * Downloads and checks the libraries. A rename makes them visible, so that concurrent setups never see an incomplete
 * folder.
 * @param {string} folder
 */
async function fetchLibraries(folder) {
  const part = `${folder}.${process.pid}.part`
  const unpacked = path.join(part, 'unpacked')
  fs.mkdirSync(unpacked, { recursive: true })
  try {
    const includes = Object.keys(libraries).map(name => `**/${name}`)
    const options = [`-Dartifact=${artifact}`, `-Dmdep.unpack.includes=${includes}`, `-DoutputDirectory=${unpacked}`]
    // In a separate folder, because the plugin writes files to the working directory.
    run('mvn', ['-q', '-B', plugin, ...options], { cwd: part })
    const files = fs.readdirSync(unpacked, { recursive: true, encoding: 'utf8' })
    for (const [name, expected] of Object.entries(libraries)) {
      const found = files.find(file => path.basename(file) === name)
      if (found === undefined) throw new SetupError(`${artifact} does not contain ${name}`)
      const actual = await sha256(path.join(unpacked, found))
      if (actual !== expected) throw new SetupError(`${name} of ${artifact} has SHA-256 ${actual}, not ${expected}`)
      fs.renameSync(path.join(unpacked, found), path.join(part, name))
    }
    for (const entry of fs.readdirSync(part)) {
      if (!(entry in libraries)) fs.rmSync(path.join(part, entry), { recursive: true })
    }
    try {
      fs.renameSync(part, folder)
    } catch (error) {
      if (!fs.existsSync(folder)) throw error
    }
  } finally {
    fs.rmSync(part, { recursive: true, force: true })
  }
}

/**
 * Copies the libraries into the package, under the names that its addon and its installer expect.
 * @param {string} folder of the package
 */
export async function placeLibraries(folder) {
  const cache = path.join(cacheFolder(), version)
  if (!fs.existsSync(cache)) {
    say("Downloading TensorFlow's libraries (once: 117 MB) …")
    await fetchLibraries(cache)
  }
  const target = path.join(folder, 'deps', 'lib')
  fs.mkdirSync(target, { recursive: true })
  for (const name of Object.keys(libraries)) {
    link(path.join(cache, name), path.join(target, name))
    const plain = name.replace('_cc', '').replace('.so.2', '.so')
    // The second name tells the package's own installer that there is nothing to download.
    for (const alias of [plain, `${plain}.2.9.1`]) {
      fs.rmSync(path.join(target, alias), { force: true })
      fs.symlinkSync(name, path.join(target, alias))
    }
  }
}

/** A hard link if both paths are on one disk, else a copy. @param {string} from @param {string} to */
function link(from, to) {
  fs.rmSync(to, { force: true })
  try {
    fs.linkSync(from, to)
  } catch {
    fs.copyFileSync(from, to)
  }
}
