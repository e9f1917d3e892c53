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
  assert.deepEqual((await read(gzipSync(text), 'a.jsonl')).length, 2, 'compressed, whatever its name')
  assert.deepEqual(
    (await read(`\ufeff${text.trim()}`)).map(({ value }) => value),
    expected.map(([value]) => value)
  )
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
      message: /endless\.jsonl\.gz, line 1: it has more than \d+ bytes/
    }
  )
})

test('a file that can not be read is named', async () => {
  await assert.rejects(linesOf(path.join(folder, 'none.jsonl')), { code: 'INPUT_NOT_FOUND' })
})

test('a file without lines is refused', async () => {
  for (const [content, name] of [
    ['', 'empty.jsonl'],
    ['', 'empty.jsonl.gz'],
    ['\n \n', 'empty.jsonl'],
    [gzipSync(''), 'empty.jsonl.gz']
  ] as const)
    await assert.rejects(read(content, name), { code: 'DATA_INVALID', message: /empty\.jsonl(\.gz)?: it is empty/ })
})

test('a damaged gzip file is refused as such, with the last line before the damage', async () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => JSON.stringify({ at, text: String(at ** 3) }))
  const whole = gzipSync(lines.join('\n'))
  const flipped = Buffer.from(whole)
  flipped.writeUInt32LE(~flipped.readUInt32LE(flipped.length - 8) >>> 0, flipped.length - 8)
  for (const [content, message] of [
    [whole.subarray(0, whole.length / 2), /the gzip file is cut off after line [1-9]\d*; download/],
    [whole.subarray(0, 12), /the gzip file is cut off; download/],
    [flipped, /the gzip file is damaged after line [1-9]\d* \(incorrect data check\)/],
    ['no gzip', /its name ends in \.gz, but it is not compressed by gzip; rename it/]
  ] as const)
    await assert.rejects(read(content, 'bad.jsonl.gz'), { code: 'DATA_INVALID', message })
})

test('a key that is given twice, and bytes that are not UTF-8, are refused by line', async () => {
  await assert.rejects(read('{"id": "a"}\n{"id": "b", "label": "X", "label": "Y"}'), {
    code: 'DATA_INVALID',
    message: /lines\.jsonl, line 2: "label" occurs twice; keep one of them/
  })
  await assert.rejects(read('{"a": NaN,\t"a": 1}'), { code: 'DATA_INVALID', message: /line 1: "a" occurs twice/ })
  await assert.rejects(read(Buffer.from('{"id": "a"}\n{"id": "Nóva"}', 'latin1')), {
    code: 'DATA_INVALID',
    message: /lines\.jsonl, line 2: byte 10 of the line, 0xf3, is not UTF-8; save the file as UTF-8/
  })
})
