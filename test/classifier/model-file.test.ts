import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDocument } from 'yaml'
import { refuseDuplicateKeys } from '../../src/classifier/model-file.ts'

const refused = (text: string): boolean => {
  try {
    refuseDuplicateKeys(text, 'a.json', 'MODEL_INVALID')
    return false
  } catch {
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
  assert.throws(() => refuseDuplicateKeys('{"b": {"a": 1},\n"a": 2,\n"\\u0061": 3}', 'a.json', 'MODEL_INVALID'), {
    message: 'a.json, line 3: "\\u0061" occurs twice; keep one of them'
  })
})
