// Finds Java and Maven, and downloads Kafka's jars once into the user's cache.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))

/** The default version. */
export const defaultVersion = '3.9.2'

/** A missing prerequisite; the message says what to install. */
export class KafkaLocalError extends Error {
  /** @param {string} message @param {{cause?: unknown}} [options] */
  constructor(message, options) {
    super(message, options)
    this.name = 'KafkaLocalError'
  }
}

/**
 * Runs a program until it exits or `signal` aborts it. Rejects only if it cannot be started or is aborted.
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

/** The Java command: from JAVA_HOME if set, else from the PATH. */
function javaCommand() {
  const home = process.env.JAVA_HOME
  return home === undefined || home === '' ? 'java' : path.join(home, 'bin', 'java')
}

/**
 * Java's command, major version and full description, which includes the build.
 * @param {string} version of Kafka
 */
async function findJava(version) {
  const command = javaCommand()
  const needed = Number.parseInt(version, 10) >= 4 ? 17 : 11
  const { code, output } = await runToEnd(command, ['-version']).catch(() => ({ code: -1, output: '' }))
  if (code !== 0) throw new KafkaLocalError(`Java ${needed} or later is required, but '${command}' does not run`)
  const major = Number(/version "(?:1\.)?(\d+)/.exec(output)?.[1] ?? 0)
  if (major < needed)
    throw new KafkaLocalError(`Kafka ${version} requires Java ${needed} or later; '${command}' is version ${major}`)
  return { command, major, description: output }
}

/**
 * Downloads Kafka's jars to a temporary folder and renames it, so that concurrent downloads never see an incomplete
 * folder.
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
        if (signal?.aborted) throw new KafkaLocalError(`downloading Kafka ${version} took too long`, { cause })
        throw new KafkaLocalError("Maven is required to download Kafka, but 'mvn' does not run", { cause })
      })
    let result = await run()
    // Two Maven processes can conflict in one local repository: the second attempt finds the files there.
    if (result.code !== 0) result = await run()
    if (result.code !== 0)
      throw new KafkaLocalError(`Maven could not download Kafka ${version}: ${result.output.slice(-600).trim()}`)
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
 * The Kafka on this machine, downloaded on first use (46 MB).
 * @param {string} [version] @param {AbortSignal} [signal] aborts the download
 * @returns {Promise<import('./kafka-local.d.mts').Installation>}
 */
export async function install(version = process.env.KAFKA_VERSION || defaultVersion, signal) {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new KafkaLocalError(`'${version}' is not a version of Kafka`)
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
  // A class-data archive is valid only for one build of Java and exactly these jars.
  const fits = createHash('sha256').update(`${java.description}\n${classPath}`).digest('hex').slice(0, 12)
  const archive = java.major >= 13 ? path.join(cache, `classes-${fits}.jsa`) : null
  return { version, java: java.command, classPath, archive }
}
