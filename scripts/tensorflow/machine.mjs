// Access to the machine for the setup of TensorFlow.
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'

/** A problem with the machine; the message says what to do. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message)
    this.name = 'SetupError'
  }
}

/** Cache of the libraries and the compiled addon. */
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
 * Runs a program; an error contains its output.
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
 * Whether a host responds within a few seconds; true behind a proxy, where this cannot be checked.
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
 * What this machine lacks for building the addon, as text; null if nothing.
 * @returns {string | null}
 */
export function missingForBuild() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `without the download host only linux-x64 is supported, and this is ${process.platform}-${process.arch}`
  const programs = [
    { command: 'mvn', package: 'maven' },
    { command: compiler(), package: 'g++' }
  ]
  const lacking = programs.filter(({ command }) => spawnSync(command, ['--version']).status !== 0)
  if (lacking.length === 0) return null
  const names = lacking.map(({ command }) => `'${command}'`).join(' and ')
  return `${names} not found: install ${lacking.map(program => program.package).join(' and ')}`
}
