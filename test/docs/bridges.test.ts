import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { classification, object } from '../../src/service/schema/examples.ts'
import type { Service } from '../../src/service/service.ts'
import { World } from '../service/support.ts'
import { temporaryFolder } from '../support/service.ts'
import { commandsOf } from './pages.ts'

const run = promisify(execFile)
const folder = temporaryFolder()
const world = new World()
world.stored = [
  {
    objectId: object.objectId,
    classification: {
      ...classification,
      nodes: [
        ...classification.nodes.slice(0, 2),
        { name: 'SN Ia', parent: 'Transient', conditional: 1, probability: 0.99 }
      ]
    }
  }
]
let service: Service
let url = ''
before(async () => {
  service = await world.service()
  url = (await service.listen()).url
})
after(async () => {
  await service.close()
  fs.rmSync(folder, { recursive: true, force: true })
})

describe('a request of docs/bridges.md', () => {
  const commands = commandsOf('docs/bridges.md').map(({ text }) => text)
  for (const command of commands.filter(text => text.startsWith('curl '))) {
    test(command, async () => {
      const line = command.replace('http://localhost:8080', url).replace('curl ', 'curl --silent --fail ')
      const { stdout } = await run('bash', ['-c', line], { cwd: folder })
      const text = command.includes(' -o ') ? fs.readFileSync(path.join(folder, 'objects.ndjson'), 'utf8') : stdout
      assert.match(text, /ZTF20aaelulu/)
      if (command.includes('/skyportal/')) return void JSON.parse(text)
      const lines = text
        .trim()
        .split('\n')
        .map(one => JSON.parse(one))
      assert.deepEqual(lines.at(-1), { cursor: null, objects: 1 })
    })
  }
})
