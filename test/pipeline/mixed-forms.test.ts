import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type PacketFormName, type SimulatedPacket, Simulation } from '@hierax/tools/simulator/simulate.ts'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { bundledLightCurves, readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import fc from 'fast-check'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { loadClassifier } from '../../src/classifier/classifier.ts'
import { bundledModel } from '../../src/classifier/model-folder.ts'
import type { LightCurve } from '../../src/lightcurves/curve/light-curve.ts'
import { encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { currentAnswers } from '../support/answers.ts'
import { bench } from '../support/pipeline.ts'

const classifier = await loadClassifier(bundledModel)
after(() => classifier.dispose())

const forms = ['survey', 'babamul', 'fink'] as const satisfies readonly PacketFormName[]
const curves: SimulatedLightCurve[] = []
for await (const curve of readLightCurves(bundledLightCurves)) {
  const limits = curve.points.filter(({ detection }) => !detection).length
  if (curve.points.length < 20 && limits > 2) curves.push(curve)
  if (curves.length === 2) break
}
const options = { objects: 2, seed: 11, cutoutBytes: 0, refused: { bogus: 0.2, solarSystem: 0.1 } }
/** The bytes of a packet whose Julian dates differ from the survey's by the rounding of a computation. */
function withComputedDates(packet: SimulatedPacket): SimulatedPacket {
  const bytes = Buffer.from(packet.bytes)
  for (const [index, jd] of dates.entries()) {
    const [exact, computed] = [jd, jd + ((index % 5) - 2) * 2 ** -31].map(date => {
      const double = Buffer.alloc(8)
      double.writeDoubleLE(date)
      return double
    })
    for (let at = bytes.indexOf(exact!); at >= 0; at = bytes.indexOf(exact!, at + 8)) computed!.copy(bytes, at)
  }
  return { ...packet, bytes }
}

const simulations = forms.map(form => new Simulation(curves, { ...options, form }))
const dates = [...new Set([...simulations[0]!.sources()].flatMap(({ points }) => points.map(({ jd }) => jd)))]
/** The same alerts in every form, and in one with computed dates. */
const packets = [...simulations.map(simulation => [...simulation]), [...simulations[1]!].map(withComputedDates)]
const count = packets[0]!.length
const objects = [...new Set(packets[0]!.map(({ objectId }) => objectId))]
const decoder = createDecoder()

/** Final state and current answer of every object. */
async function run(stream: readonly SimulatedPacket[], size: number) {
  const store = new MemoryStore()
  const { pipeline, bodies, deadLetters } = bench({ decode: decoder.decode, store, classifiers: [classifier] })
  for (let at = 0; at < stream.length; at += size) {
    const batch = stream.slice(at, at + size).map(({ bytes, key }, index) => ({
      ...{ value: bytes, key, topic: 'in', source: `in/0/${at + index}`, ingested: 1_700_000_000_000 }
    }))
    await pipeline.process(batch)
  }
  assert.deepEqual(deadLetters(), [])
  const states = await Promise.all(objects.map(async objectId => (await store.get(objectId))!))
  return { states, answers: currentAnswers(bodies()) }
}

const pointsOf = (curve: LightCurve) => Array.from({ length: curve.length }, (_, index) => curve.at(index))

const inOneForm = await Promise.all(packets.map(stream => run(stream, 16)))

test('every form of a stream ends in the same light curves and predictions', () => {
  const all = inOneForm[0]!.states.flatMap(({ curve }) => pointsOf(curve))
  assert.ok(all.some(({ detection }) => !detection) && all.some(({ own, positive }) => own && !positive))
  const [survey, ...others] = inOneForm
  for (const other of others) {
    for (const [index, objectId] of objects.entries()) {
      const [a, b] = [survey!, other].map(({ states }) => pointsOf(states[index]!.curve))
      assert.deepEqual(
        b!.map(({ jd, fid, detection, own, positive, candid }) => [jd, fid, detection, own, positive, candid]),
        a!.map(({ jd, fid, detection, own, positive, candid }) => [jd, fid, detection, own, positive, candid])
      )
      for (const [at, point] of a!.entries()) {
        const same = b![at]!
        // Own photometry is that of the packet in every form; limits follow from fluxes.
        if (point.own) assert.deepEqual(same, point)
        else assert.ok(Math.abs(same.magnitude - point.magnitude) < 1e-4)
      }
      const [before, after] = [survey!, other].map(({ answers }) => answers.get(objectId)!)
      assert.deepEqual(after!.alert, before!.alert)
      assert.equal(after!.prediction?.node, before!.prediction?.node)
      for (const [at, node] of before!.nodes.entries()) {
        assert.ok(Math.abs(after!.nodes[at]!.probability - node.probability) < 1e-3, node.name)
      }
    }
  }
})

test('mixtures of the forms end in the same bytes, in any order, with duplicates and in any batches', async () => {
  const mixture = fc.record({
    forms: fc.array(fc.uniqueArray(fc.constantFrom(...packets.keys()), { minLength: 1 }), {
      minLength: count,
      maxLength: count
    }),
    orders: fc.array(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4 * count, maxLength: 4 * count }),
      {
        minLength: 2,
        maxLength: 2
      }
    ),
    size: fc.integer({ min: 1, max: 30 })
  })
  await fc.assert(
    fc.asyncProperty(mixture, async ({ forms, orders, size }) => {
      const stream = forms.flatMap((of, index) => of.map(form => packets[form]![index]!))
      const runs = []
      for (const order of orders) {
        const shuffled = stream
          .map((packet, index) => ({ packet, rank: order[index]! }))
          .sort((a, b) => a.rank - b.rank)
        const twice = shuffled.filter((_, index) => index % 5 === 0)
        runs.push(
          await run(
            [...shuffled, ...twice].map(({ packet }) => packet),
            size
          )
        )
      }
      const [first, second] = runs
      for (const [index, objectId] of objects.entries()) {
        const bytes: Buffer[] = runs.map(({ states }) => encodeRecord(states[index]!, 0))
        assert.deepEqual(bytes[0], bytes[1])
        assert.deepEqual(second!.answers.get(objectId), first!.answers.get(objectId))
        const survey = inOneForm[0]!.answers.get(objectId)
        const prediction = first!.answers.get(objectId)?.prediction
        assert.equal(prediction?.node, survey?.prediction?.node)
        assert.ok(Math.abs((prediction?.probability ?? 0) - (survey?.prediction?.probability ?? 0)) < 1e-3)
      }
    }),
    { numRuns: 3 }
  )
})
