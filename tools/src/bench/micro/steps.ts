import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { loadClassifier } from 'hierax/classifier/classifier.ts'
import { bundledModel } from 'hierax/classifier/model-folder.ts'
import type { Classifier, Question, Reply } from 'hierax/classifier/types.ts'
import { encodeRecord, mergeIntoRecord } from 'hierax/lightcurves/records/object-record.ts'
import type { Addition, Store } from 'hierax/lightcurves/store.ts'
import { LmdbStore } from 'hierax/lightcurves/stores/lmdb.ts'
import { MemoryStore } from 'hierax/lightcurves/stores/memory.ts'
import { classificationMessages } from 'hierax/messages/outgoing.ts'
import { ClassificationWriter } from 'hierax/messages/writer.ts'
import { AlertStream } from '../load/alert-stream.ts'
import { basePackets } from '../load/base-packets.ts'
import { lateAlerts } from './late-alerts.ts'
import { additionAt, curveOf, observation, recordOf } from './light-curves.ts'
import type { Step } from './measure.ts'

const histories = [10, 100, 1000]
const batches = [1, 8, 32, 128, 256]
/** Batch size of steps whose cost does not depend on it. */
const objects = 100
const admit = { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 }

/** Reading full-size packets. */
export async function decoding(): Promise<Step[]> {
  const packets = [...new AlertStream(await basePackets(), objects).packets(1, 2)]
  const decoder = createDecoder()
  const run = (): void => {
    for (const packet of packets) decoder.decode(packet)
  }
  return [{ name: 'decode', items: packets.length, run }]
}

/** Merging one packet into the stored record of a known object of some history, and of an unknown one. */
export function merging(): Step[] {
  const warm = histories.map((points): Step => {
    const addition = additionAt('ZTF26aaaaaaa', points)
    const alerts = {
      newest: addition.alerts[0]!.record,
      newestAdmitted: null,
      newestVersions: [],
      admittedVersions: [],
      routes: []
    }
    const stored = encodeRecord({ objectId: addition.objectId, curve: curveOf(points, true), ...alerts }, 0)
    return { name: `merge, ${points} points`, items: 1, run: () => mergeIntoRecord(stored, addition, 0) }
  })
  const cold = additionAt('ZTF26aaaaaaa', 9)
  return [...warm, { name: 'merge, cold (9 in the history)', items: 1, run: () => mergeIntoRecord(null, cold, 0) }]
}

/** Inputs, network and probabilities: one new detection on the cached state (warm), or a whole light curve (cold). */
export async function classifying(): Promise<{ steps: Step[]; dispose: () => void }> {
  const classifier = await loadClassifier(bundledModel)
  const steps: Step[] = []
  for (const points of histories) {
    const warm = await warmQuestion(classifier, points)
    for (const batch of batches) steps.push(asking(classifier, `classify warm, ${points} points`, warm, batch))
  }
  const cold = { curve: curveOf(10), jd: observation(9, { own: true, mixed: false }).jd, state: null, alert: null }
  for (const batch of batches) steps.push(asking(classifier, 'classify cold (9 in the history)', cold, batch))
  steps.push(...(await lateAlerts(classifier)))
  return { steps, dispose: () => classifier.dispose() }
}

function asking(classifier: Classifier, name: string, question: Question, batch: number): Step {
  const questions = Array.from({ length: batch }, () => question)
  return { name: `${name}, batch ${batch}`, items: batch, run: () => classifier.classify(questions) }
}

async function warmQuestion(classifier: Classifier, points: number): Promise<Question> {
  const before = {
    curve: curveOf(points),
    jd: observation(points - 1, { own: true, mixed: false }).jd,
    state: null,
    alert: null
  }
  const [reply] = (await classifier.classify([before])) as unknown as [Reply]
  return {
    curve: curveOf(points + 1),
    jd: observation(points, { own: true, mixed: false }).jd,
    state: reply.state,
    alert: null
  }
}

/** Encoding a classification as Avro or JSON. */
export async function encoding(): Promise<Step[]> {
  const classifier = await loadClassifier(bundledModel)
  const curve = curveOf(20, true)
  const record = recordOf(observation(20, { own: true, mixed: false }))
  const [reply] = (await classifier.classify([{ curve, jd: record.jd, state: null, alert: null }])) as unknown as [
    Reply
  ]
  const writer = new ClassificationWriter(classifier, { admit, programs: [1] })
  const input = { objectId: 'ZTF26aaaaaaa', record, versions: [], curve, reason: null }
  const origin = { topic: 'ztf_20261123_programid1', source: 'ztf_20261123_programid1/3/123456', ingested: Date.now() }
  const steps = (['avro', 'json'] as const).map((encoding): Step => {
    const output = { classifications: 'all', deadLetters: 'dead', encoding, routes: [] }
    const run = (): void => {
      for (let i = 0; i < objects; i++) {
        classificationMessages(writer.write({ ...input, prefix: curve.upTo(record.jd) }, reply.answer), origin, output)
      }
    }
    return { name: `encode, ${encoding}`, items: objects, run }
  })
  return steps
}

/** Merging whole batches; LMDB waits for the disk. */
export async function storing(): Promise<{ steps: Step[]; dispose: () => Promise<void> }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-micro-'))
  const stores = { memory: new MemoryStore(), lmdb: await LmdbStore.open({ folder, programs: [1] }) }
  const steps: Step[] = []
  for (const [name, store] of Object.entries(stores)) {
    for (const batch of [50, 256]) {
      const ids = Array.from({ length: batch }, (_, index) => `ZTF26${String(index).padStart(7, 'a')}`)
      let epoch = 0
      let additions = ids.map(id => additionAt(id, 20))
      const prepare = (): void => {
        epoch = (epoch + 1) % 20
        additions = ids.map(id => additionAt(id, 20 + epoch))
      }
      steps.push({ name: `store, ${name}, batch ${batch}`, items: batch, run: () => store.merge(additions), prepare })
    }
  }
  for (const points of histories) steps.push(growing(stores.lmdb, points))
  const dispose = async (): Promise<void> => {
    await stores.lmdb.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return { steps, dispose }
}

/** A new detection of each of {@link objects} objects with `points` points, or up to 19 more: then they are replaced by other objects. */
function growing(store: Store, points: number): Step {
  let ids: string[] = []
  let detections = 0
  let additions: Addition[] = []
  const prepare = async (): Promise<void> => {
    if (detections % 20 === 0) {
      ids = Array.from({ length: objects }, (_, index) => `ZTF${points}-${detections}-${index}`)
      await store.merge(ids.map(id => additionAt(id, points - 1, points)))
    }
    const index = points + (detections++ % 20)
    additions = ids.map(id => additionAt(id, index))
  }
  return { name: `store, lmdb, ${points} points`, items: objects, run: () => store.merge(additions), prepare }
}
