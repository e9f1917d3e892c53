import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { loadClassifier } from '../../src/classifier/classifier.ts'
import { bundledModel } from '../../src/classifier/model-folder.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { currentIds } from '../support/answers.ts'
import { bench, messages } from '../support/pipeline.ts'
import { needsShared, sharedFiles } from '../support/shared.ts'

const classifier = await loadClassifier(bundledModel)
after(() => classifier.dispose())

const objects = ['ZTF19aazzpje', 'ZTF19abaejrh', 'ZTF20aaelulu']

/** Runs packets through a pipeline in batches; every message's bytes by id, the answers and the light curves. */
async function run(
  packets: readonly Buffer[],
  size: number
): Promise<{ bytes: Map<string, string>; answers: unknown; curves: unknown }> {
  const decoder = createDecoder()
  const store = new MemoryStore()
  const { pipeline, sent, bodies } = bench({ decode: value => decoder.decode(value), store, classifiers: [classifier] })
  for (let at = 0; at < packets.length; at += size) await pipeline.process(messages(packets.slice(at, at + size), at))
  const bytes = new Map<string, string>()
  for (const { headers, value } of sent) {
    const text = Buffer.from(value).toString('base64')
    assert.equal(bytes.get(headers.id as string) ?? text, text, 'equal ids have equal bytes')
    bytes.set(headers.id as string, text)
  }
  const curves = []
  for (const objectId of objects) {
    const state = await store.get(objectId)
    curves.push({
      objectId,
      hash: state?.curve.hashOf(state.curve.length),
      revision: state?.curve.upTo(Number.MAX_VALUE).revision
    })
  }
  return { bytes, answers: currentIds(bodies()), curves }
}

describe('real object streams', needsShared(), () => {
  const packets = objects.flatMap(objectId =>
    sharedFiles(`alerts/lc_correction_v3.3_object_${objectId}`).map(file => fs.readFileSync(file))
  )

  test('end in the same light curves and answers for any order, duplication and batch size', async () => {
    const calm = await run(packets, packets.length)
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...packets, ...packets], { minLength: 2 * packets.length }),
        fc.integer({ min: 1, max: 60 }),
        async (order, size) => {
          const { bytes, answers, curves } = await run(order, size)
          assert.deepEqual(answers, calm.answers)
          assert.deepEqual(curves, calm.curves)
          for (const [id, text] of bytes) assert.equal(calm.bytes.get(id) ?? text, text)
        }
      ),
      { numRuns: 12 }
    )
  })

  test('one by one or all at once, in order, most alerts get the same bytes, and the answers are the same', async () => {
    const whole = await run(packets, packets.length)
    const single = await run(packets, 1)
    const same = [...single.bytes].filter(([id, text]) => whole.bytes.get(id) === text)
    assert.ok(same.length > packets.length / 2, `${same.length} of ${packets.length}`)
    assert.deepEqual(single.answers, whole.answers)
  })
})
