import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { jsonLines } from '../../src/light-curves/json-lines.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-lines-'))
after(() => fs.rmSync(folder, { recursive: true }))

async function linesOf(file: string): Promise<{ value: unknown; where: string }[]> {
  const found: { value: unknown; where: string }[] = []
  for await (const line of jsonLines(file)) found.push(line)
  return found
}

async function read(content: string | Buffer, name = 'lines.jsonl'): Promise<{ value: unknown; where: string }[]> {
  const file = path.join(folder, name)
  fs.writeFileSync(file, content)
  return linesOf(file)
}

test('lines have their number, also after empty lines, with CR, without a last line end, and compressed', async () => {
  const text = '\n{"a":1}\r\n\n  \n{"é":"ü"}'
  const expected = [
    [{ a: 1 }, 'line 2'],
    [{ é: 'ü' }, 'line 5']
  ]
  for (const [content, name] of [
    [text, 'a.jsonl'],
    [gzipSync(text), 'a.jsonl.gz']
  ] as const) {
    const found = await read(content, name)
    assert.deepEqual(
      found.map(({ value, where }) => [value, where.slice(where.lastIndexOf(',') + 2)]),
      expected
    )
  }
  const long = JSON.stringify({ text: 'ü'.repeat(300_000) })
  assert.deepEqual(
    (await read(`${long}\n${long}\n`)).map(({ where }) => where.split(', ')[1]),
    ['line 1', 'line 2'],
    'lines over several chunks'
  )
  assert.deepEqual(await read(''), [])
})

test('a file of another format is refused with what it looks like and what is expected', async () => {
  for (const [content, message] of [
    ['oid,mjd,fid,magpsf\nZTF20a,59000,1,19\n', /line 1: it looks like CSV .*each line should be one JSON object/],
    ['58849.1 g 18.3 0.1\n', /line 1: it looks like a table with columns of text/],
    ['\\ comment\n| mjd | mag |\n', /line 1: it looks like an IPAC table/],
    ['{\n  "id": "a"\n}\n', /line 1: it looks like JSON over several lines/],
    ['{"id": "a"}\n{"id": \n', /line 2: it is not valid JSON/],
    ['[{"id": "a"},\n', /line 1: it looks like an array/],
    ['<!doctype html>', /line 1: it looks like XML or HTML/],
    ['hello', /line 1: it is not JSON/]
  ] as const)
    await assert.rejects(read(content), { code: 'DATA_INVALID', message })
})

test('a line without an end is refused before it fills the memory', async () => {
  const endless = gzipSync(Buffer.alloc(70 * 1024 * 1024, 'a'))
  await assert.rejects(
    read(`{"a":1}\n`.repeat(2)).then(() => read(endless, 'endless.jsonl.gz')),
    {
      code: 'DATA_INVALID',
      message: /endless\.jsonl\.gz, line 1: it has more than \d+ characters/
    }
  )
})

test('a file that can not be read is named', async () => {
  await assert.rejects(linesOf(path.join(folder, 'none.jsonl')), { code: 'INPUT_NOT_FOUND' })
  await assert.rejects(read('no gzip', 'bad.jsonl.gz'), { code: 'INPUT_NOT_FOUND', message: /Z_DATA_ERROR/ })
})
