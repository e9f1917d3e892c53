import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { install } from '@hierax/tools/kafka-local/kafka-local.mjs'
import { requireAll } from './shared.ts'

const run = promisify(execFile)

/** A file from Maven's repository (`group:name:version[:type[:classifier]]`), downloaded once into the user's cache. */
async function mavenFile(artifact: string): Promise<string> {
  const folder = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'hierax', 'maven')
  const [, name, version, type = 'jar', classifier] = artifact.split(':')
  const file = path.join(folder, `${name}-${version}${classifier ? `-${classifier}` : ''}.${type}`)
  if (fs.existsSync(file)) return file
  const part = `${folder}.${process.pid}.part`
  const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${part}`]
  // Two Maven processes can conflict in one local repository: the second attempt finds the files there.
  await run('mvn', args).catch(() => run('mvn', args))
  fs.mkdirSync(folder, { recursive: true })
  fs.renameSync(path.join(part, path.basename(file)), file)
  fs.rmSync(part, { recursive: true, force: true })
  return file
}

/** A file from Maven's repository, or the reason to skip the tests that need it. */
export async function fromMaven(artifact: string): Promise<{ readonly file: string; readonly skip: string | false }> {
  try {
    return { file: await mavenFile(artifact), skip: false }
  } catch (cause) {
    const reason = `needs Java and ${artifact} from Maven: ${(cause as Error).message.slice(0, 200)}`
    if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
    return { file: '', skip: reason }
  }
}

/** Kafka's console consumer in Java, or the reason to skip the tests that need it. */
export async function consoleConsumer(): Promise<{
  readonly skip: string | false
  /** Its standard output. */
  readonly consume: (brokers: readonly string[], args: readonly string[]) => Promise<string>
}> {
  const { version, java, classPath } = await install().catch(() => ({ version: '0', java: '', classPath: '' }))
  const { file, skip } = await fromMaven(`org.apache.kafka:kafka-tools:${version}`)
  return {
    skip,
    async consume(brokers, args) {
      const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
      const all = [
        '-cp',
        `${file}${path.delimiter}${classPath}`,
        main,
        '--bootstrap-server',
        brokers.join(','),
        ...args
      ]
      return (await run(java, all, { maxBuffer: 64 * 1024 * 1024 })).stdout
    }
  }
}
