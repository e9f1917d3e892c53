import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { cleanEnvironment, hierax, temporaryFolder } from '../support/service.ts'
import { patienceMs, until } from '../support/until.ts'

/** A `hierax demo` in a child process with its own temporary folder. */
export class DemoProcess {
  readonly child: ChildProcess
  readonly #mark = `DEMO_RUN=${randomUUID()}`
  readonly #folder = temporaryFolder()
  readonly #ended: Promise<unknown>
  stdout = ''
  stderr = ''

  /** @param brokers value of KAFKA_BROKERS; unset when absent */
  constructor(args: readonly string[], brokers?: readonly string[]) {
    const [name = '', value = ''] = this.#mark.split('=')
    const env = cleanEnvironment({ TMPDIR: this.#folder, [name]: value })
    if (brokers) env.KAFKA_BROKERS = brokers.join(',')
    else delete env.KAFKA_BROKERS
    this.child = spawn(process.execPath, [hierax, 'demo', '--port', '0', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#ended = once(this.child, 'close')
  }

  /** All output, for failure messages. */
  get printed(): string {
    return `${this.stdout}\n${this.stderr}`
  }

  /** Waits until standard output matches. */
  async untilPrinted(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.stdout) || this.child.exitCode !== null).catch(() => {})
    if (!pattern.test(this.stdout)) throw new Error(`The demo did not print ${pattern}:\n${this.printed}`)
  }

  /** Waits for the exit code; null if a signal ended the process. */
  async end(): Promise<number | null> {
    let ended = false
    void this.#ended.then(() => (ended = true))
    await until(
      () => ended,
      patienceMs,
      () => `the demo to end:\n${this.printed}`
    )
    return this.child.exitCode
  }

  /** Its processes (on Linux only) and temporary files. */
  traces(): string[] {
    return [...this.#processes(), ...fs.readdirSync(this.#folder)]
  }

  /** What remains after its helpers have had time to clean up. */
  async left(): Promise<string[]> {
    await until(() => this.traces().length === 0).catch(() => {})
    const left = this.traces()
    if (left.length === 0) fs.rmdirSync(this.#folder)
    return left
  }

  /** Kills it if a failed test left it running. */
  discard(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    fs.rmSync(this.#folder, { recursive: true, force: true })
  }

  #processes(): string[] {
    if (!fs.existsSync('/proc/self/environ')) return []
    return fs.readdirSync('/proc').flatMap(name => {
      try {
        if (!/^\d+$/.test(name) || !fs.readFileSync(`/proc/${name}/environ`, 'utf8').includes(this.#mark)) return []
        const command = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120)
        return command === '' ? [] : [`${name} ${command}`]
      } catch {
        return [] // it has ended, or belongs to another user
      }
    })
  }
}
