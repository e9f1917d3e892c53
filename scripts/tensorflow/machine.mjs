// What the set-up of TensorFlow asks of the machine.
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'

/** Something that this machine lacks or refuses; its message says what to do. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message)
    this.name = 'SetupError'
  }
}

/** Where libraries and the compiled addon stay between two installs of the packages. */
export function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'hierax', 'tensorflow')
}

/** The C++ compiler's command. */
export function compiler() {
  return process.env.CXX || 'g++'
}

/** @param {string} line */
export function say(line) {
  process.stdout.write(`${line}\n`)
}

/**
 * Runs a program to its end and shows what it prints only when it fails.
 * @param {string} command @param {string[]} args
 * @param {{cwd?: string, limitMs?: number}} [options] `limitMs` ends it after that time
 */
export function run(command, args, { cwd, limitMs } = {}) {
  const result = spawnSync(command, args, { cwd, timeout: limitMs, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 })
  if (result.status === 0) return
  const why = result.error?.message ?? result.signal ?? `exit code ${result.status}`
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().slice(-3000)
  throw new SetupError(`${command} ${args[0]} failed (${why})\n${output}`)
}

/**
 * Whether a host answers at all within a few seconds. Behind a proxy only the client itself can tell: then true.
 * @param {string} url
 */
export async function reachable(url, limitMs = 4000) {
  if (process.env.HTTPS_PROXY || process.env.https_proxy) return true
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(limitMs) })
    return true
  } catch {
    return false
  }
}

/**
 * What building the addon lacks on this machine, in words; null when nothing.
 * @returns {string | null}
 */
export function missingForBuild() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `only linux-x64 can be set up without the download host, and this is ${process.platform}-${process.arch}`
  const programs = [
    { command: 'mvn', package: 'maven' },
    { command: compiler(), package: 'g++' }
  ]
  const lacking = programs.filter(({ command }) => spawnSync(command, ['--version']).status !== 0)
  if (lacking.length === 0) return null
  const names = lacking.map(({ command }) => `'${command}'`).join(' and ')
  return `${names} not found: install ${lacking.map(program => program.package).join(' and ')}`
}
