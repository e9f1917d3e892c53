import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { type Encoding, encodeClassification, formats, fromJson, toJson } from '../../src/messages/encoding.ts'
import { ClassificationFeed } from '../../src/service/feed.ts'
import { classification as example } from '../../src/service/schema/examples.ts'

const encodings = Object.keys(formats) as Encoding[]

/** Adds a classification for each of these times to a feed. */
function pushTo(feed: ClassificationFeed, encoding: Encoding, jds: readonly number[], padding = ''): void {
  const bodies = jds.map(jd => fromJson({ ...example, jd, id: `id${padding}` }))
  const values = bodies.map(body => encodeClassification(body, encoding))
  feed.push(bodies, values)
  // Their memory belongs to the caller.
  for (const value of values) value.fill(0)
}

suite('the latest classifications', () => {
  for (const encoding of encodings)
    test(`are kept and returned as JSON, newest first, with the encoding ${encoding}`, () => {
      const feed = new ClassificationFeed(encoding, 3)
      const jds = (limit: number) => feed.recent(limit).map(({ jd }) => jd)
      assert.deepEqual(jds(5), [])
      pushTo(feed, encoding, [1, 2])
      assert.deepEqual(jds(5), [2, 1])
      pushTo(feed, encoding, [3, 4, 5, 6, 7])
      assert.deepEqual(jds(5), [7, 6, 5])
      assert.deepEqual(jds(2), [7, 6])
      assert.deepEqual(jds(0), [])
      const [newest] = feed.recent(1)
      assert.deepEqual(newest, toJson(fromJson({ ...example, jd: 7, id: 'id' })))
    })

  test('may be longer or shorter than those that they replace', () => {
    const feed = new ClassificationFeed('json', 2)
    const ids = () => feed.recent(2).map(({ id }) => id.length)
    for (const length of [10, 4000, 3, 5000, 4900, 0]) pushTo(feed, 'json', [1, 2], 'x'.repeat(length))
    assert.deepEqual(ids(), [2, 2])
    pushTo(feed, 'json', [3], 'x'.repeat(9000))
    assert.deepEqual(ids(), [9002, 2])
  })

  test('are filtered, and only decoded for a request', (t: TestContext) => {
    const decode = t.mock.method(formats.avro, 'decode')
    const feed = new ClassificationFeed('avro', 10)
    pushTo(feed, 'avro', [1, 2, 3, 4])
    assert.equal(decode.mock.callCount(), 0)
    const even = () => feed.recent(5, ({ jd }) => jd % 2 === 0).map(({ jd }) => jd)
    assert.deepEqual(
      [even(), even()],
      [
        [4, 2],
        [4, 2]
      ]
    )
    assert.equal(decode.mock.callCount(), 4)
  })
})

test('each listener is called until it is no longer wanted', () => {
  const feed = new ClassificationFeed('json')
  const seen: unknown[] = []
  const listener = ({ jd }: { readonly jd: number }): void => void seen.push(jd)
  const [first, second] = [feed.subscribe(listener), feed.subscribe(listener)]
  pushTo(feed, 'json', [1])
  first()
  first()
  pushTo(feed, 'json', [2])
  second()
  pushTo(feed, 'json', [3])
  assert.deepEqual(seen, [1, 1, 2])
})
