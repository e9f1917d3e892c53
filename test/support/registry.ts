import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { after } from 'node:test'
import { freePort } from './free-port.ts'
import { fromMaven } from './maven.ts'
import { until } from './until.ts'

/** Apicurio Registry, which speaks Confluent's REST API; this version runs on Java 17. It keeps everything in memory. */
const artifact = 'io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all'

/** A real schema registry for the tests of one file; it is not started yet. */
export interface TestRegistry {
  readonly skip: string | false
  /** Of Confluent's API, for `output.registry.url`. */
  readonly url: string
  start(): Promise<void>
  stop(): Promise<void>
}

export async function schemaRegistry(): Promise<TestRegistry> {
  const { file, skip } = await fromMaven(artifact)
  const folder = file.replace(/\.tar\.gz$/, '')
  if (skip === false && !fs.existsSync(folder)) {
    const part = `${folder}.${process.pid}.part`
    fs.mkdirSync(part)
    execFileSync('tar', ['xzf', file, '-C', part])
    fs.renameSync(part, folder)
  }
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  let child: ChildProcess | null = null
  const stop = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  after(stop)
  return {
    skip,
    url,
    stop,
    async start() {
      const settings = { QUARKUS_HTTP_PORT: String(port), QUARKUS_HTTP_HOST: '127.0.0.1' }
      child = spawn('java', ['-Xmx400m', '-XX:TieredStopAtLevel=1', '-jar', 'apicurio-registry-app-3.0.9-runner.jar'], {
        cwd: folder,
        env: { ...process.env, ...settings },
        stdio: 'ignore'
      })
      const answers = () =>
        fetch(`${url}/subjects`).then(
          ({ ok }) => ok,
          () => false
        )
      await until(answers, 180_000, () => 'the schema registry')
    }
  }
}
