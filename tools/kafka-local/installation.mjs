// Finds Java and Maven, and fetches Kafka's jars once into the user's cache.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))

/** The version that is started when none is named. */
export const defaultVersion = '3.9.2'

/** Something that this machine lacks or refuses; its message says what to install. */
export class KafkaLocalError extends Error {
  /** @param {string} message @param {{cause?: unknown}} [options] */
  constructor(message, options) {
    super(message, options)
    this.name = 'KafkaLocalError'
  }
}

/**
 * Runs a program to its end, or until `signal` ends it. Rejects only when it can't be started or is ended so.
 * @param {string} command @param {string[]} args @param {AbortSignal} [signal]
 * @returns {Promise<{code: number | null, output: string}>}
 */
export function runToEnd(command, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal })
    let output = ''
    child.stdout.on('data', chunk => (output += chunk))
    child.stderr.on('data', chunk => (output += chunk))
    child.once('error', reject)
    child.once('close', code => resolve({ code, output }))
  })
}

/** The Java to use: of JAVA_HOME where that is set, else of the path. */
function javaCommand() {
  const home = process.env.JAVA_HOME
  return home === undefined || home === '' ? 'java' : path.join(home, 'bin', 'java')
}

/**
 * Java's command, major version and full description (which names the build).
 * @param {string} version of Kafka
 */
async function findJava(version) {
  const command = javaCommand()
  const needed = Number.parseInt(version, 10) >= 4 ? 17 : 11
  const { code, output } = await runToEnd(command, ['-version']).catch(() => ({ code: -1, output: '' }))
  if (code !== 0) throw new KafkaLocalError(`Java ${needed} or later is needed, and '${command}' does not run`)
  const major = Number(/version "(?:1\.)?(\d+)/.exec(output)?.[1] ?? 0)
  if (major < needed)
    throw new KafkaLocalError(`Kafka ${version} needs Java ${needed} or later; '${command}' is ${major}`)
  return { command, major, description: output }
}

/**
 * Copies Kafka's jars to a folder of their own, then renames it: of two that fetch at once, one wins and neither sees
 * a folder half full.
 * @param {string} version @param {string} lib @param {AbortSignal} [signal]
 */
async function fetchJars(version, lib, signal) {
  const part = `${lib}.${process.pid}.part`
  const args = ['-q', '-B', '-f', path.join(here, 'pom.xml'), `-Dkafka.version=${version}`]
  args.push('dependency:copy-dependencies', `-DoutputDirectory=${part}`, '-DincludeScope=runtime')
  fs.mkdirSync(path.dirname(lib), { recursive: true })
  try {
    const run = () =>
      runToEnd('mvn', args, signal).catch(cause => {
        if (signal?.aborted) throw new KafkaLocalError(`Kafka ${version} was not fetched in time`, { cause })
        throw new KafkaLocalError("Maven is needed to fetch Kafka, and 'mvn' does not run", { cause })
      })
    let result = await run()
    // Two Mavens that fill one local repository can trip over each other: the second attempt finds the files there.
    if (result.code !== 0) result = await run()
    if (result.code !== 0)
      throw new KafkaLocalError(`Maven could not fetch Kafka ${version}: ${result.output.slice(-600).trim()}`)
    try {
      fs.renameSync(part, lib)
    } catch (error) {
      if (!fs.existsSync(lib)) throw error
    }
  } finally {
    fs.rmSync(part, { recursive: true, force: true })
  }
}

/**
 * Where Kafka is on this machine, fetched when it is not there yet (46 MB).
 * @param {string} [version] @param {AbortSignal} [signal] ends the fetching
 * @returns {Promise<import('./kafka-local.d.mts').Installation>}
 */
export async function install(version = process.env.KAFKA_VERSION || defaultVersion, signal) {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new KafkaLocalError(`'${version}' is no version of Kafka`)
  const java = await findJava(version)
  const caches = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  const cache = path.join(caches, 'hierax', 'kafka', version)
  const lib = path.join(cache, 'lib')
  if (!fs.existsSync(lib)) await fetchJars(version, lib, signal)
  const jars = fs.readdirSync(lib).filter(name => name.endsWith('.jar'))
  const classPath = jars
    .sort()
    .map(name => path.join(lib, name))
    .join(path.delimiter)
  // A class-data archive fits one build of Java and these very jars only.
  const fits = createHash('sha256').update(`${java.description}\n${classPath}`).digest('hex').slice(0, 12)
  const archive = java.major >= 13 ? path.join(cache, `classes-${fits}.jsa`) : null
  return { version, java: java.command, classPath, archive }
}
