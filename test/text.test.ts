import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDocument } from 'yaml'
import { jsonOf, linesOf, TextError, utf8Text } from '../src/text.ts'

const refused = (text: string): boolean => {
  try {
    jsonOf(text)
    return false
  } catch (error) {
    assert.ok(error instanceof TextError)
    return true
  }
}

/** Text of any JSON. Keys are few, so that some are equal, and are written with and without escapes. */
const { json: anyJson } = fc.letrec<{ json: string }>(tie => {
  const string = fc.constantFrom('"a"', '"\\u0061"', '"b"', '""', '"a\\""', '"a\\\\"', '"{"', '"}"', '":"', '"\\":"')
  const gap = fc.constantFrom('', ' ', '\n')
  const member = fc.tuple(string, gap, tie('json')).map(([key, gap, value]) => `${key}${gap}:${gap}${value}`)
  const several = (item: fc.Arbitrary<string>) => fc.array(item, { maxLength: 3 }).map(items => items.join(','))
  return {
    json: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.constantFrom('1', 'null', 'true'), string),
      several(member).map(members => `{${members}}`),
      several(tie('json')).map(items => `[${items}]`)
    )
  }
})

test('JSON is refused if and only if an object has two equal keys, as a YAML parser finds them', () => {
  let twice = 0
  fc.assert(
    fc.property(anyJson, text => {
      const { errors } = parseDocument(text, { schema: 'json', uniqueKeys: true })
      assert.ok(errors.every(({ code }) => code === 'DUPLICATE_KEY'))
      if (errors.length > 0) twice++
      assert.equal(refused(text), errors.length > 0)
    }),
    { numRuns: 2000 }
  )
  assert.ok(twice > 100)
})

test('the key is named as it is written, with its line', () => {
  const { message, line } = faultOf(() => jsonOf('{"b": {"a": 1},\n"a": 2,\n"\\u0061": 3}'))
  assert.deepEqual([message, line], ['"\\u0061" occurs twice; keep one of them', 3])
})

test('the key __proto__ is refused also where it is escaped, texts and other keys of objects are not', () => {
  assert.equal(
    faultOf(() => jsonOf('{"a":\n{"__proto__": 1}}')).in('a.json'),
    'a.json, line 2: "__proto__" can\'t be a key; choose another name'
  )
  assert.ok(refused('{"\\u005f_proto__": 1}'))
  assert.deepEqual(jsonOf('{"constructor": "__proto__", "toString": 1}'), { constructor: '__proto__', toString: 1 })
})

test('text that is empty or no JSON is refused with its line', () => {
  assert.match(faultOf(() => jsonOf(' \n')).message, /^it is empty/)
  const { message, line } = faultOf(() => jsonOf('{\n"a": 1\n"b": 2}'))
  assert.match(message, /^not JSON: /)
  assert.equal(line, 3)
})

const mark = Buffer.from([0xef, 0xbb, 0xbf])
const texts = fc.array(fc.constantFrom('a', '\n', '\r\n', 'é', '…', '😀', '\ufffd', '\u0000'), { maxLength: 12 })

test('UTF-8 is read as it is, without a byte order mark at its start', async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 4 }), fc.boolean(), async (parts, size, marked) => {
      const text = parts.join('')
      const bytes = Buffer.concat([...(marked ? [mark] : []), Buffer.from(text)])
      assert.equal(utf8Text(bytes), text)
      assert.deepEqual(await allLines(bytes, size), text.split('\n'))
    })
  )
})

test('the first byte that is not UTF-8 is named by line and place in it', async () => {
  const invalid = fc.constantFrom([0xe9], [0x80], [0xc3], [0xe2, 0x80], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xff])
  await fc.assert(
    fc.asyncProperty(texts, invalid, texts, fc.integer({ min: 1, max: 4 }), async (before, bad, after, size) => {
      const bytes = Buffer.concat([Buffer.from(before.join('')), Buffer.from(bad), Buffer.from(`.${after.join('')}`)])
      const lines = before.join('').split('\n')
      const start = Buffer.byteLength(lines.at(-1) as string)
      const wanted = `line ${lines.length}: byte ${start + 1} of the line, 0x${bad[0]?.toString(16)}, is not UTF-8; save the file as UTF-8`
      assert.equal(faultOf(() => utf8Text(bytes)).in('a'), `a, ${wanted}`)
      await assert.rejects(allLines(bytes, size), (error: TextError) => error.in('a') === `a, ${wanted}`)
    })
  )
})

test('UTF-16 is recognised', () => {
  for (const bytes of [Buffer.from('\ufeffa', 'utf16le'), Buffer.from('\ufeffa', 'utf16le').swap16()])
    assert.match(faultOf(() => utf8Text(bytes)).message, /UTF-16; save it as UTF-8/)
})

function faultOf(read: () => unknown): TextError {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof TextError)
    return error
  }
  throw new Error('nothing was refused')
}

async function allLines(bytes: Buffer, size: number): Promise<string[]> {
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size)
  )
  const lines: string[] = []
  for await (const line of linesOf(Readable.from(parts))) lines.push(line)
  return lines
}
