// One node of a cluster: a JVM that can be killed and restarted, and that ends with this process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaLocalError } from './installation.mjs'

const startLimit = 120_000
const stopLimit = 30_000

/** @param {number} port @returns {Promise<boolean>} whether something accepts connections there */
function acceptsConnections(port) {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('connect', () => socket.destroy())
  })
}

/**
 * Starts a shell that waits until this process ends (even SIGKILL closes the pipe), then kills the JVM and removes the
 * cluster's folder.
 * @param {number} pid @param {string} folder
 */
function guard(pid, folder) {
  const script = 'read -r _; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"'
  const shell = spawn('sh', ['-c', script, 'sh', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  shell.once('error', () => {})
  shell.stdin.once('error', () => {})
  shell.unref()
  return shell
}

export class LocalNode {
  #installation
  #settings
  #folder
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null

  /**
   * @param {import('./kafka-local.d.mts').Installation} installation
   * @param {import('./kafka-local.d.mts').NodeSettings} settings
   * @param {string} folder of the cluster
   */
  constructor(installation, settings, folder) {
    this.#installation = installation
    this.#settings = settings
    this.#folder = folder
    this.id = settings.id
    this.broker = `127.0.0.1:${settings.ports.client}`
  }

  get pid() {
    return this.#child?.pid ?? null
  }

  async start() {
    if (this.#child !== null) return
    const log = path.join(this.#settings.folder, 'broker.log')
    const child = this.#spawn(log)
    this.#child = child
    const failed = once(child, 'exit').catch(error => [error.message])
    for (const began = Date.now(); !(await acceptsConnections(this.#settings.ports.client)); ) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        const [reason] = await failed
        const tail = fs.readFileSync(log, 'utf8').slice(-1500).trim()
        throw new KafkaLocalError(`Kafka node ${this.id} exited during start (${reason}): ${tail}`)
      }
      if (Date.now() - began > startLimit) {
        await this.kill()
        throw new KafkaLocalError(`Kafka node ${this.id} did not open its port within ${startLimit / 1000} s`)
      }
      await sleep(50)
    }
  }

  /** @param {string} log */
  #spawn(log) {
    const { java, classPath, archive } = this.#installation
    const heap = this.#settings.nodes > 1 ? '256m' : '512m'
    const options = [`-Xmx${heap}`, '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
    // A run without an archive writes a temporary one and renames it when complete, so that concurrent starts do not conflict.
    const part = archive === null || fs.existsSync(archive) ? null : `${archive}.${process.pid}-${this.id}.part`
    if (part !== null && this.id === 1) options.push(`-XX:ArchiveClassesAtExit=${part}`)
    else if (part === null && archive !== null) options.push(`-XX:SharedArchiveFile=${archive}`)
    options.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath, 'kafka.Kafka')
    const output = fs.openSync(log, 'a')
    const child = spawn(java, [...options, path.join(this.#settings.folder, 'server.properties')], {
      stdio: ['ignore', output, output],
      cwd: this.#settings.folder,
      detached: true
    })
    fs.closeSync(output)
    const watch = child.pid === undefined ? null : guard(child.pid, this.#folder)
    child.once('exit', code => {
      watch?.kill('SIGKILL')
      if (this.#child === child) this.#child = null
      if (part === null || !fs.existsSync(part)) return
      // 143: exit after SIGTERM, when the archive is complete.
      if (code === 143 || code === 0) fs.renameSync(part, archive ?? part)
      else fs.rmSync(part, { force: true })
    })
    return child
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#child
    if (child === null || child.pid === undefined) return
    const ended = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
    await ended
    clearTimeout(timer)
  }

  stop() {
    return this.#end('SIGTERM')
  }

  kill() {
    return this.#end('SIGKILL')
  }
}
