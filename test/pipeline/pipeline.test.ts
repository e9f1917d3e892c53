import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import { HieraxError } from '../../src/errors.ts'
import type { Addition } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import type { BatchStats } from '../../src/pipeline/batch-stats.ts'
import type { InputMessage } from '../../src/streams/types.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { currentAnswers } from '../support/answers.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf, bench, messages, output } from '../support/pipeline.ts'
import { until } from '../support/until.ts'

const day = (n: number): number => 2459000.5 + n

/** Alerts a1, a2, … of object A on days 1, 2, …, each with the earlier ones in its history at lower precision. */
function stream(
  count: number,
  objectId = 'A',
  changes: (index: number) => Parameters<typeof alertOf>[2] = () => ({})
): Map<string, Alert> {
  const points = Array.from({ length: count }, (_, index) =>
    detectionAt(day(index + 1), { magnitude: Math.fround(18.123456 + index) })
  )
  return new Map(
    points.map((point, index) => [
      `${objectId.toLowerCase()}${index + 1}`,
      alertOf(objectId, point, {
        history: points.slice(0, index).map(p => ({
          programId: 1,
          observation: { ...p, own: false, magnitude: Math.fround(Math.round(p.magnitude * 1e4) / 1e4) }
        })),
        ...changes(index)
      })
    ])
  )
}

const brief = (bodies: readonly Classification[]): string[] =>
  bodies.map(body => `${body.objectId}@${body.jd - 2459000.5} ${body.reason ?? body.lightCurve.detections}`)

describe('a batch', () => {
  test('every alert is answered once at its own time, in order', async () => {
    const { pipeline, bodies, sent } = bench({ alerts: stream(3) })
    await pipeline.process(messages(['a1', 'a2']))
    await pipeline.process(messages(['a3'], 2))
    assert.deepEqual(brief(bodies()), ['A@1 1', 'A@2 2', 'A@3 3'])
    assert.deepEqual(
      sent.map(m => m.headers.source),
      ['in/0/0', 'in/0/1', 'in/0/2']
    )
    assert.ok(sent.every(m => m.key === 'A' && m.headers.schema === 'hierax.classification.v1'))
    assert.deepEqual(
      sent.map(m => m.headers.id),
      bodies().map(b => b.id)
    )
  })

  test('a late alert is classified at its own time, then the newest is answered again', async () => {
    const { pipeline, bodies } = bench({ alerts: stream(3) })
    await pipeline.process(messages(['a3']))
    await pipeline.process(messages(['a1'], 1))
    assert.deepEqual(brief(bodies()), ['A@3 3', 'A@1 1', 'A@3 3'])
    const [first, , again] = bodies()
    assert.notEqual(first?.id, again?.id, 'the late packet carries its point at full precision')
    assert.ok((again?.lightCurve.revision ?? 0) > (first?.lightCurve.revision ?? 0))
  })

  test('a duplicate is answered again with the same bytes', async () => {
    const { pipeline, sent } = bench({ alerts: stream(2) })
    await pipeline.process(messages(['a1', 'a2']))
    await pipeline.process(messages(['a1', 'a2'], 2))
    const values = sent.map(m => Buffer.from(m.value).toString('base64'))
    assert.equal(values.length, 4)
    assert.equal(values[1], values[3])
  })

  test('what was merged before a crash is said after it, though the merge changes nothing', async () => {
    const store = new MemoryStore()
    const alerts = stream(3)
    const broken = bench({
      alerts,
      store,
      sink: { send: async () => Promise.reject(new HieraxError('PUBLISH_FAILED', 'down')), close: async () => {} }
    })
    await bench({ alerts, store }).pipeline.process(messages(['a3']))
    await assert.rejects(broken.pipeline.process(messages(['a1'])), /down/)
    const after = bench({ alerts, store })
    await after.pipeline.process(messages(['a1']))
    assert.deepEqual(brief(after.bodies()), ['A@1 1', 'A@3 3'])
  })

  test("the batch's last message of an object is that of its newest admitted alert", async () => {
    const alerts = stream(3, 'A', index => (index === 2 ? { photometry: { realBogus: 0.1 } } : {}))
    const { pipeline, bodies } = bench({ alerts })
    await pipeline.process(messages(['a2', 'a3']))
    assert.deepEqual(brief(bodies()), ['A@2 2', 'A@3 BOGUS', 'A@2 2'])
    await pipeline.process(messages(['a1'], 2))
    assert.deepEqual(brief(bodies()).slice(3), ['A@1 1', 'A@3 BOGUS', 'A@2 2'])
  })

  test('bad bytes become dead letters and the rest of the batch goes on', async () => {
    const reports: BatchStats[] = []
    const { pipeline, bodies, deadLetters } = bench({ alerts: stream(1), onBatch: report => reports.push(report) })
    const [rubbish, ...others] = messages(['rubbish', 'a1', null])
    await pipeline.process([{ ...rubbish!, key: Buffer.from('1.1_4.02') }, ...others])
    assert.deepEqual(brief(bodies()), ['A@1 1'])
    const [first, second] = deadLetters()
    assert.deepEqual([first?.headers['source.key'], second?.headers['source.key']], ['1.1_4.02', undefined])
    assert.equal(Buffer.from(first?.value ?? []).toString(), 'rubbish')
    assert.equal(first?.key, null)
    assert.equal(first?.headers['error.code'], 'NOT_A_CONTAINER')
    assert.equal(first?.headers.source, 'in/0/0')
    assert.equal(second?.value.length, 0)
    const [report] = reports
    assert.deepEqual([...(report?.consumed ?? [])], [['in', 3]])
    assert.equal(report?.classified, 1)
    assert.deepEqual(
      report?.deadLetters.map(({ error }) => error.code),
      ['NOT_A_CONTAINER', 'NOT_A_CONTAINER']
    )
  })

  test('an alert from the future is a dead letter that names date and clock; nothing of it is stored', async () => {
    const arrival = Date.UTC(2023, 10, 14, 12) // JD 2460263
    const at = (jd: number) => [alertOf('F', detectionAt(jd, { candid: BigInt(Math.round(jd * 1000)) }))]
    const packets: Record<string, Alert[]> = {
      day: at(2460264),
      later: at(2460264.001),
      century: [...at(2460263), ...at(2498000.25)]
    }
    const store = new MemoryStore()
    const sent = async (maxFutureDays: number | null, name: string, timestamped?: boolean) => {
      const decode = (bytes: Uint8Array | null) => packets[String(bytes)] as Alert[]
      const { pipeline, bodies, deadLetters } = bench({ decode, store, maxFutureDays })
      const [message] = messages([name]) as [InputMessage]
      await pipeline.process([{ ...message, ingested: arrival, ...(timestamped ? { timestamped } : {}) }])
      return { bodies: bodies(), headers: deadLetters()[0]?.headers }
    }
    const late = await sent(1, 'later')
    assert.deepEqual(
      [late.bodies.length, late.headers?.['error.code'], late.headers?.['error.record']],
      [0, 'FUTURE_DATE', '0']
    )
    const century = await sent(1, 'century', true)
    assert.equal(century.bodies.length, 0, 'a packet is decoded whole')
    assert.equal(century.headers?.['error.record'], '1')
    assert.match(
      String(century.headers?.['error.message']),
      /jd is 2498000\.25 \(2127-03-11T18:00:00Z\), more than 1 day after .* at 2023-11-14T12:00:00Z \(its Kafka timestamp\)/
    )
    assert.match(String(late.headers?.['error.message']), /by the clock of this machine/)
    assert.equal(await store.get('F'), null)
    assert.equal((await sent(1, 'day')).bodies.length, 1)
    assert.ok((await sent(null, 'century')).bodies.length >= 2, 'without a limit')
  })
})

describe('what fails inside', () => {
  test('a message that can not be processed becomes a dead letter; its neighbours are answered', async () => {
    const alerts = stream(2)
    alerts.set('poison', alertOf('P', detectionAt(day(1), { candid: 2n ** 70n })))
    const reports: BatchStats[] = []
    const { pipeline, bodies, deadLetters } = bench({ alerts, onBatch: report => reports.push(report) })
    await pipeline.process(messages(['a1', 'poison', 'a2']))
    assert.deepEqual(brief(bodies()), ['A@1 1', 'A@2 2', 'A@2 2'], 'the newest was merged already')
    assert.deepEqual(
      deadLetters().map(m => [m.headers['error.code'], m.headers.source]),
      [['PROCESSING_FAILED', 'in/0/1']]
    )
    const consumed = reports.reduce((sum, report) => sum + (report.consumed.get('in') ?? 0), 0)
    assert.equal(consumed, 3)
  })

  test('a store or an output that fails rejects the batch: nothing becomes a dead letter', async () => {
    const store = new MemoryStore()
    store.merge = async () => Promise.reject(new HieraxError('STORE_FAILED', 'disk full'))
    const { pipeline, sent } = bench({ alerts: stream(1), store })
    await assert.rejects(pipeline.process(messages(['a1', 'rubbish'])), { code: 'STORE_FAILED' })
    assert.deepEqual(sent, [])
  })

  describe('while the disk writes what was merged', () => {
    /** A pipeline whose store makes merges durable when the test says so, and the number of alerts that were classified. */
    function withSlowDisk() {
      const disk = { resolve: () => {}, reject: (_error: Error) => {} }
      const durable = new Promise<void>((resolve, reject) => Object.assign(disk, { resolve, reject }))
      const model = fakeClassifier()
      let classified = 0
      class SlowDisk extends MemoryStore {
        async beginMerge(additions: readonly Addition[]) {
          return { states: await this.merge(additions), durable }
        }
      }
      const counting = {
        ...model,
        classify: (questions: Parameters<typeof model.classify>[0]) => {
          classified += questions.length
          return model.classify(questions)
        }
      }
      const store = new SlowDisk()
      const cached = test.mock.method(store, 'writeCache')
      const made = bench({ alerts: stream(1), store, classifiers: [counting] })
      return { ...made, disk, cached, classified: () => classified }
    }

    test('alerts are classified, but nothing is sent or cached before the merge is durable', async () => {
      const { pipeline, sent, bodies, disk, cached, classified } = withSlowDisk()
      const processing = pipeline.process(messages(['a1', 'rubbish']))
      await until(() => classified() === 1)
      await new Promise(resolve => setTimeout(resolve, 20))
      assert.deepEqual([sent.length, cached.mock.callCount()], [0, 0])
      disk.resolve()
      await processing
      assert.deepEqual([sent.length, cached.mock.callCount()], [2, 1])
      assert.deepEqual(brief(bodies()), ['A@1 1'])
    })

    test('a merge that does not become durable rejects the batch, and nothing is sent or cached', async () => {
      const { pipeline, sent, disk, cached, classified } = withSlowDisk()
      const processing = assert.rejects(pipeline.process(messages(['a1', 'rubbish'])), { code: 'STORE_FAILED' })
      await until(() => classified() === 1)
      disk.reject(new HieraxError('STORE_FAILED', 'No space left on device'))
      await processing
      assert.deepEqual([sent.length, cached.mock.callCount()], [0, 0])
    })
  })
})

describe('admission', () => {
  test('reasons are asked in the order PROGRAM, BOGUS, SOLAR_SYSTEM, TOO_FEW_DETECTIONS', async () => {
    const bad = { realBogus: 0.1, solarSystemDistance: 5 }
    const cases: [Parameters<typeof alertOf>[2], string][] = [
      [{ programId: 2, photometry: bad }, 'PROGRAM'],
      [{ photometry: bad }, 'BOGUS'],
      [{ photometry: { solarSystemDistance: 5 } }, 'SOLAR_SYSTEM'],
      [{ photometry: { solarSystemDistance: 5.01, realBogus: null } }, 'TOO_FEW_DETECTIONS']
    ]
    for (const [changes, reason] of cases) {
      const settings = { ...admission, admit: { ...admission.admit, minDetections: 2 } }
      const { pipeline, bodies } = bench({ alerts: stream(1, 'A', () => changes), admission: settings })
      await pipeline.process(messages(['a1']))
      const [body] = bodies()
      assert.equal(body?.status, 'NOT_CLASSIFIED')
      assert.equal(body?.reason, reason)
      assert.deepEqual(body?.nodes, [])
      assert.equal(body?.prediction, null)
      assert.equal(body?.alert === null, reason === 'PROGRAM')
    }
  })

  test('photometry of a programme that is not admitted is neither stored nor published, point by point', async () => {
    const store = new MemoryStore()
    const secret = alertOf('A', detectionAt(day(2), { magnitude: 12.5 }), {
      programId: 2,
      history: [
        { programId: 1, observation: detectionAt(day(1), { own: false }) },
        { programId: 3, observation: detectionAt(day(1.5), { own: false, magnitude: 12.5 }) },
        { programId: null, observation: detectionAt(day(1.6), { own: false, magnitude: 12.5 }) }
      ]
    })
    const reports: BatchStats[] = []
    const { pipeline, bodies } = bench({
      alerts: new Map([['s', secret]]),
      store,
      onBatch: report => reports.push(report)
    })
    await pipeline.process(messages(['s']))
    const state = await store.get('A')
    assert.equal(state?.curve.length, 1)
    assert.equal(state?.newest?.photometry, null)
    assert.equal(state?.newestAdmitted, null)
    assert.deepEqual(brief(bodies()), ['A@2 PROGRAM'])
    assert.equal(bodies()[0]?.lightCurve.detections, 1)
    assert.equal(reports[0]?.droppedPoints.program, 3)
  })

  test('points of a bogus alert enter the light curve all the same', async () => {
    const alerts = stream(2, 'A', index => (index === 0 ? { photometry: { realBogus: 0 } } : { history: [] }))
    const { pipeline, bodies } = bench({ alerts })
    await pipeline.process(messages(['a1', 'a2']))
    assert.deepEqual(brief(bodies()), ['A@1 BOGUS', 'A@2 2'])
  })
})

describe('messages', () => {
  test('a route gets the messages of which its node is probable enough', async () => {
    const routes = [
      { topic: 'any', node: 'Any', minProbability: 1 },
      { topic: 'never', node: 'A', minProbability: 1.1 }
    ]
    const { pipeline, sent } = bench({ alerts: stream(1), output: { ...output, routes } })
    await pipeline.process(messages(['a1']))
    assert.deepEqual(
      sent.map(m => m.topic),
      ['out', 'any']
    )
    assert.equal(sent[0]?.value, sent[1]?.value)
  })

  test('several models give messages of their own, told apart by id and classifier', async () => {
    const reports: BatchStats[] = []
    const { pipeline, bodies } = bench({
      alerts: stream(2),
      classifiers: [fakeClassifier('one'), fakeClassifier('two')],
      onBatch: report => reports.push(report)
    })
    await pipeline.process(messages(['a1', 'a2']))
    assert.deepEqual(
      bodies().map(b => b.classifier.name),
      ['one', 'one', 'two', 'two']
    )
    assert.equal(new Set(bodies().map(b => b.id)).size, 4)
    assert.equal(reports[0]?.classified, 2, 'outcomes are counted per alert, not per model')
  })

  test('JSON written from a packet and from the store has the same bytes', async () => {
    const { pipeline, sent } = bench({ alerts: stream(3), output: { ...output, encoding: 'json' } })
    for (const name of ['a3', 'a3', 'a2', 'a1', 'a2']) await pipeline.process(messages([name]))
    const bytes = new Map<string, string>()
    for (const { headers, value } of sent) {
      const text = Buffer.from(value).toString()
      assert.equal(bytes.get(headers.id as string) ?? text, text)
      bytes.set(headers.id as string, text)
    }
    assert.ok(sent.length > bytes.size, 'some were said again')
  })

  test('of two versions of the newest packet one stands: it alone is answered, under a greater revision', async () => {
    const version = (realBogus: number | null): Alert =>
      stream(2, 'A', () => ({ photometry: { realBogus } })).get('a2') as Alert
    const alerts = new Map([...stream(2), ['none', version(null)], ['bogus', version(0.1)], ['real', version(0.9)]])
    const run = async (batches: string[][]): Promise<Classification[]> => {
      const { pipeline, bodies } = bench({ alerts })
      for (const names of batches) await pipeline.process(messages(names))
      return bodies()
    }
    const calm = await run([['a1', 'bogus', 'real', 'none']])
    assert.equal(
      new Set(calm.slice(1).map(body => body.id)).size,
      1,
      'every version is answered as the one that stands'
    )
    assert.equal(calm.at(-1)?.status, 'CLASSIFIED', 'an admitted version stands before others')
    for (const order of [
      ['bogus', 'real', 'none'],
      ['none', 'real', 'bogus'],
      ['real', 'bogus', 'none', 'bogus']
    ]) {
      const bodies = await run([...order.map(name => [name]), ['a1']])
      const greatest = bodies.filter(body => body.jd === day(2)).map(body => body.lightCurve.revision)
      const top = bodies.filter(body => body.jd === day(2) && body.lightCurve.revision === Math.max(...greatest))
      assert.deepEqual(new Set(top.map(body => body.id)), new Set([calm.at(-1)?.id]), 'no two contend for the answer')
      assert.deepEqual(top.at(-1), calm.at(-1))
    }
  })
})

test('any order, duplication and split of alerts ends in the same answers, and equal ids have equal bytes', async () => {
  const alerts = new Map([
    ...stream(5, 'A', index => (index === 4 ? { photometry: { realBogus: 0 } } : {})),
    ...stream(4, 'B', index => (index === 3 ? { programId: 2 } : {})),
    ...stream(6, 'C')
  ])
  alerts.set('c6 again', stream(6, 'C', () => ({ photometry: { realBogus: null } })).get('c6') as Alert)
  const names = [...alerts.keys()]
  const run = async (
    order: readonly string[],
    size: number
  ): Promise<{ last: unknown; bytes: Map<string, string> }> => {
    const { pipeline, sent, bodies } = bench({ alerts })
    for (let at = 0; at < order.length; at += size) await pipeline.process(messages(order.slice(at, at + size), at))
    const bytes = new Map<string, string>()
    for (const { headers, value } of sent) {
      const text = Buffer.from(value).toString('base64')
      assert.equal(bytes.get(headers.id as string) ?? text, text, 'equal ids have equal bytes')
      bytes.set(headers.id as string, text)
    }
    return { last: [...currentAnswers(bodies())].sort(), bytes }
  }
  const calm = await run(names, 100)
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...names, ...names], { minLength: 2 * names.length }),
      fc.integer({ min: 1, max: 12 }),
      async (order, size) => {
        const { last, bytes } = await run(order, size)
        assert.deepEqual(last, calm.last)
        for (const [id, text] of bytes) if (calm.bytes.has(id)) assert.equal(text, calm.bytes.get(id))
      }
    ),
    { numRuns: 60 }
  )
})
