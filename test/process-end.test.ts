import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fromSource } from './support/from-source.ts'
import { temporaryFolder } from './support/service.ts'

/** Runs a module that may import sources by `load`, until it ends. */
async function run(script: string): Promise<{ code: number | null; signal: string | null; printed: string }> {
  const load = `const load = path => import(new URL(path, ${JSON.stringify(new URL('../src/', import.meta.url).href)}))`
  const args = [...fromSource, '--input-type=module', '--eval', `${load}\n${script}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const [printed, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'close')])
  return { code, signal, printed }
}

/** A process whose write transactions follow one another, until it ends as told. */
async function whileWriting(folder: string, end: string) {
  return run(`
    const { open } = await import('lmdb')
    const { LmdbWrites } = await load('lightcurves/stores/lmdb-writes.ts')
    const { endProcess, endAfterUnhandledErrors } = await load('process-end.ts')
    const writes = new LmdbWrites(open({ path: ${JSON.stringify(folder)}, noSubdir: false, eventTurnBatching: false }))
    endAfterUnhandledErrors()
    let written = 0
    const write = () => writes.transaction(() => void written++).then(write)
    write()
    const timer = setInterval(() => {
      if (written === 0) return
      clearInterval(timer)
      writes.transaction(() => process.stderr.write('the last one ended. '))
      ${end}
    }, 1)`)
}

test('a process ends with its code although a write is in progress, once that has ended', async () => {
  const folder = temporaryFolder()
  try {
    for (let round = 0; round < 3; round++)
      assert.deepEqual(await whileWriting(folder, 'endProcess(7); endProcess(8)'), {
        code: 7,
        signal: null,
        printed: 'the last one ended. '
      })
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('an error that nobody handled is printed, and ends a process that is writing with 1', async () => {
  const folder = temporaryFolder()
  try {
    const { code, signal, printed } = await whileWriting(folder, `throw new RangeError('beyond the end')`)
    assert.deepEqual({ code, signal }, { code: 1, signal: null })
    assert.match(printed, /RangeError: beyond the end\n +at /)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('a process whose writes have no answer is killed', async () => {
  const { signal } = await run(`
    const { LmdbWrites } = await load('lightcurves/stores/lmdb-writes.ts')
    const { endProcess } = await load('process-end.ts')
    const writes = new LmdbWrites({ transaction: () => new Promise(() => {}) })
    writes.transaction(() => {})
    endProcess(0)`)
  assert.equal(signal, 'SIGKILL')
})

test('a process without writes ends at once', async () => {
  const { code } = await run(`
    const { endProcess } = await load('process-end.ts')
    endProcess(3)
    endProcess(4)`)
  assert.equal(code, 3)
})
