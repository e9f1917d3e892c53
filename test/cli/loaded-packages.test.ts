import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createProgram } from '../../src/cli/program.ts'
import { container } from '../alerts/packets.ts'
import { runHierax, temporaryFolder } from '../support/service.ts'

/** The packages that a command loads, from its record of the code that ran. */
async function packagesOf(args: readonly string[], input = new Uint8Array()): Promise<string[]> {
  const folder = temporaryFolder()
  try {
    const { code, stderr } = await runHierax(args, { settings: { NODE_V8_COVERAGE: folder }, input })
    assert.equal(code, 0, stderr)
    const [file = ''] = readdirSync(folder)
    const { result } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as { result: { url: string }[] }
    return [...new Set(result.flatMap(({ url }) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the version and every help load the command line only', async () => {
  const commands = (await createProgram()).commands.map(command => command.name())
  assert.ok(commands.length > 10)
  for (const args of [['--version'], ['--help'], ['help', 'evaluate'], ...commands.map(name => [name, '--help'])])
    assert.deepEqual(await packagesOf(args), ['commander'], args.join(' '))
})

test('a command does not load packages for what it does not do', async () => {
  const service = /tfjs|kafkajs|fastify|pino|prom-client|lmdb|iovalkey|lz4|zstd|snappy|tar-stream/
  const packet = Buffer.from(container({}))
  for (const args of [
    ['serve', '--print-config'],
    ['classify', '-']
  ]) {
    const loaded = await packagesOf(args, packet)
    assert.ok(loaded.includes('commander'))
    assert.equal(loaded.includes('yaml'), args.includes('--print-config'))
    assert.deepEqual(
      loaded.filter(name => service.test(name)),
      [],
      args.join(' ')
    )
  }
})
