/** One test for each fault that was reported with an input in ../shared/faults, named after its folder. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { loadClassifier } from '../../src/classifier/classifier.ts'
import { bundledModel } from '../../src/classifier/model-folder.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { lightCurveSvg } from '../../src/service/light-curve-plot.ts'
import { toObjectView } from '../../src/service/views.ts'
import { openPackets } from '../../src/streams/files.ts'
import { admission, type Bench, bench, messages } from '../support/pipeline.ts'
import { needsShared, shared, sharedFiles } from '../support/shared.ts'

const folder = (name: string): string => path.join(shared, 'faults', name)

/** Faults without an input of their own, or whose input is a broker's state, and the file that tests them. */
const elsewhere: Readonly<Record<string, { readonly file: string; readonly title: RegExp }>> = {
  'kafka-timestamps': {
    file: 'test/streams/kafka/consumer/batches.test.ts',
    title: /a timestamp that is none, in seconds, or in the future is replaced by the time of arrival/
  },
  'latest-permission': {
    file: 'test/streams/kafka/consumer/partitions.test.ts',
    title: /from latest: the first message since the group began/
  },
  'topic-recreated': {
    file: 'test/streams/kafka/consumer/source-topics.test.ts',
    title: /a topic created again with more messages than were read is read from its start/
  }
}

describe('a reported fault', needsShared(), () => {
  let classifier: Awaited<ReturnType<typeof loadClassifier>>
  before(async () => {
    classifier = await loadClassifier(bundledModel)
  })
  after(() => classifier.dispose())

  async function process(files: readonly string[], store = new MemoryStore()): Promise<Bench> {
    const decoder = createDecoder()
    const result = bench({ decode: value => decoder.decode(value), classifiers: [classifier], store })
    await result.pipeline.process(messages(files.map(file => fs.readFileSync(file))))
    return result
  }
  const classified = async (files: readonly string[]): Promise<Classification[]> => (await process(files)).bodies()
  const classifiedFault = (name: string): Promise<Classification[]> => classified(sharedFiles(`faults/${name}`))
  const probability = ({ nodes }: Classification, ...names: string[]): number =>
    (nodes ?? []).filter(node => names.includes(node.name)).reduce((sum, node) => sum + node.probability, 0)

  /** Reads a light-curve file of a fault, as `train`, `evaluate` and `simulate` do. */
  async function read(name: string, file: string): Promise<void> {
    for await (const _ of readLightCurves(path.join(folder(name), file)));
  }

  const tests: Readonly<Record<string, () => Promise<void>>> = {
    async 'deadletter-hints'() {
      const { deadLetters } = await process([path.join(folder('deadletter-hints'), 'html.avro')])
      assert.match(String(deadLetters()[0]?.headers['error.message']), /it looks like an HTML page/)
      const packets = await openPackets([path.join(folder('deadletter-hints'), 'packet.avro.gz')])
      const decoder = createDecoder()
      for await (const { bytes } of packets) assert.equal(decoder.decode(bytes).length, 1)
    },

    async 'escape-in-error'() {
      await assert.rejects(read('escape-in-error', 'esc.jsonl'), ({ message }: Error) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        assert.doesNotMatch(message, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/)
        assert.match(message, /line 1/)
        return true
      })
    },

    async 'format-hint'() {
      const hint = /line 1: it looks like CSV .*\(JSON Lines\).*docs\/training\.md/
      await assert.rejects(read('format-hint', 'alerce.csv'), { code: 'DATA_INVALID', message: hint })
    },

    async 'history-sign-text'() {
      const [signs] = await classifiedFault('history-sign-text')
      assert.equal(signs?.lightCurve.detections, 12)
    },

    async 'nan-upper-limits'() {
      const [limits] = await classifiedFault('nan-upper-limits')
      assert.equal(limits?.lightCurve.upperLimits, 6)
    },

    async 'negative-constant'() {
      const last = (await classifiedFault('negative-constant')).at(-1)
      assert.ok(last)
      assert.ok(probability(last, 'Transient') < 0.1)
      assert.ok(probability(last, 'RR Lyrae') < 0.1)
    },

    async 'novelty-zero-faint'() {
      const { bodies, deadLetters } = await process(sharedFiles('faults/novelty-zero-faint'))
      assert.deepEqual(bodies(), [], 'a magnitude of 39 is no photometry')
      assert.equal(deadLetters()[0]?.headers['error.code'], 'INVALID_VALUE')
    },

    async 'plot-axis-sigma'() {
      const store = new MemoryStore()
      await process(sharedFiles('faults/plot-axis-sigma'), store)
      const state = await store.get('ZTF99bugau')
      assert.ok(state)
      const labels = [...lightCurveSvg(toObjectView(state, null, admission.admit)).matchAll(/>(\d+(?:\.\d+)?)</g)]
      const magnitudes = labels.map(([, text]) => Number(text)).filter(value => value < 50_000)
      assert.ok(magnitudes.length > 2)
      for (const magnitude of magnitudes) assert.ok(magnitude > 10 && magnitude < 25, `the axis shows ${magnitude}`)
    },

    async 'purity-stars'() {
      const stars = [15015016n, 15015005n, 15015001n].map(end => 1184159741000000000n + end)
      const supernovae = ['SN Ia', 'CC', 'SLSN']
      const exposure = await classified(sharedFiles('alerts/lc_correction_v3.3_one_exposure_20200330'))
      const answered = exposure.filter(({ status }) => status === 'CLASSIFIED')
      const onStars = answered.filter(({ candid }) => [...stars, 1184159740915015002n].includes(candid))
      assert.equal(onStars.length, 4)
      for (const star of onStars) assert.ok(probability(star, ...supernovae) < 0.5)
      const called = answered.filter(body => probability(body, ...supernovae) >= 0.5).length
      assert.ok(called / answered.length < 0.05, `${called} of ${answered.length}`)
    },

    async 'refused-bogus-steers'() {
      /** Without revision and id, which change with the points that are left out. */
      const comparable = ({ id: _, lightCurve: { revision, ...lightCurve }, ...body }: Classification) => ({
        ...body,
        lightCurve
      })
      const files = sharedFiles('faults/refused-bogus-steers')
      const [first, ...rest] = await classified(files)
      assert.equal(first?.reason, 'BOGUS')
      assert.deepEqual(rest.map(comparable), (await classified(files.slice(1))).map(comparable))
      assert.equal(rest.at(-1)?.lightCurve.detections, 9)
    },

    async 'sentinel-ssdistnr'() {
      const [planet] = await classifiedFault('sentinel-ssdistnr')
      assert.equal(planet?.status, 'CLASSIFIED')
      assert.equal(planet?.alert?.solarSystemDistance, null)
    },

    async 'sentinel-star'() {
      const [star] = await classifiedFault('sentinel-star')
      assert.deepEqual([star?.alert?.starScore, star?.alert?.starDistance], [null, null])
      assert.deepEqual([star?.context?.sgscore1, star?.context?.distpsnr1], [null, null])
    },

    async 'simulate-sign'() {
      const wanted = { code: 'DATA_INVALID', message: /line 1, field pos\[0\]: should be t, 1, f or 0/ }
      await assert.rejects(read('simulate-sign', 'neg.jsonl'), wanted)
    },

    async 'skipped-gz'() {
      let packets = 0
      for await (const { error } of await openPackets([folder('skipped-gz')])) packets += error === null ? 1 : 0
      assert.equal(packets, 2)
    },

    async 'train-sentinel-mag'() {
      const wanted = { code: 'DATA_INVALID', message: /line 1, field mag\[1\]/ }
      await assert.rejects(read('train-sentinel-mag', 'm999.jsonl'), wanted)
    }
  }

  for (const [name, run] of Object.entries(tests)) {
    test(name, { skip: fs.existsSync(folder(name)) ? false : `needs ../shared/faults/${name}, which is missing` }, run)
  }

  test('has a test, here or where its broker is', () => {
    const names = fs.readdirSync(path.join(shared, 'faults'))
    assert.deepEqual(
      names.filter(name => !(name in tests) && !(name in elsewhere)),
      []
    )
    for (const { file, title } of Object.values(elsewhere)) {
      assert.match(fs.readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8'), title)
    }
  })
})
