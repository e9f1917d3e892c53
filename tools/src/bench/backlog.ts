/**
 * `npm run bench:backlog`: the cost of a backlog of several nights by the order of its alerts. Prints JSON: network steps and CPU time
 * per alert, relative to time order and to full recomputation. Runs in one process without Kafka: only the ratios matter.
 */
import { parseArgs } from 'node:util'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { loadClassifier, type RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { bundledModel } from 'hierax/classifier/model-folder.ts'
import { MemoryStore } from 'hierax/lightcurves/stores/memory.ts'
import type { BatchStats } from 'hierax/pipeline/batch-stats.ts'
import { bench, messages } from '../../../test/support/pipeline.ts'
import { AlertStream } from './load/alert-stream.ts'
import { basePackets } from './load/base-packets.ts'

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '300' },
    before: { type: 'string', default: '20' },
    nights: { type: 'string', default: '4' }
  }
})
const objects = Number(values.objects)
/** Alerts per object before the backlog. */
const before = Number(values.before)
const nights = Number(values.nights)
const batchSize = 50

const classifier = await loadClassifier(bundledModel)
const stream = new AlertStream(await basePackets(), objects)
const decoder = createDecoder()
const packets = (epoch: number): Buffer[] => [...stream.packets(epoch, epoch + 1)]
const known = Array.from({ length: before }, (_, epoch) => packets(epoch))
const backlog = Array.from({ length: nights }, (_, night) => packets(before + night))

/** A fixed random order that separates the alerts of a night and of an object. */
function shuffled(items: readonly Buffer[]): Buffer[] {
  let state = 1
  const keyed = items.map(item => {
    state = (state * 48271) % 2147483647
    return { key: state, item }
  })
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

/** Batches of all nights in turn, as when the partitions of several topics are read together. */
function interleaved(byNight: readonly (readonly Buffer[])[]): Buffer[] {
  const order: Buffer[] = []
  for (let at = 0; at < objects; at += batchSize) {
    // The newest night first, which is the worst case.
    for (const night of [...byNight].reverse()) order.push(...night.slice(at, at + batchSize))
  }
  return order
}

async function measure(order: readonly Buffer[], keepStates = true) {
  const store = new MemoryStore()
  if (!keepStates) store.writeCache = async () => {}
  let steps = 0
  const counted: Pick<RecurrentClassifier, 'classify'> = {
    async classify(questions) {
      const replies = await classifier.classify(questions)
      for (const reply of replies) steps += reply.steps
      return replies
    }
  }
  const reports: BatchStats[] = []
  const { pipeline, sent } = bench({
    decode: bytes => decoder.decode(bytes),
    store,
    classifiers: [Object.assign(Object.create(classifier), counted, properties(classifier))],
    onBatch: report => reports.push(report)
  })
  const run = async (all: readonly Buffer[]): Promise<void> => {
    for (let at = 0; at < all.length; at += batchSize)
      await pipeline.process(messages(all.slice(at, at + batchSize), at))
  }
  for (const night of known) await run(night)
  steps = 0
  reports.length = 0
  sent.length = 0
  const began = process.cpuUsage()
  await run(order)
  const { user, system } = process.cpuUsage(began)
  const sum = (count: (report: BatchStats) => number): number => reports.reduce((all, report) => all + count(report), 0)
  return {
    alerts: order.length,
    late: sum(report => report.lateAlerts),
    answers: sent.length,
    steps,
    cpuMicroseconds: user + system
  }
}

/** A classifier's public properties, because its getters need its private fields. */
function properties({ name, version, sha256, taxonomy, taxonomyVersion, nodes, root, runtime }: RecurrentClassifier) {
  return { name, version, sha256, taxonomy, taxonomyVersion, nodes, root, runtime }
}

const orders: Record<string, readonly Buffer[]> = {
  'in order of time': backlog.flat(),
  'oldest night first, each shuffled': backlog.flatMap(shuffled),
  'nights together, newest first': interleaved(backlog),
  'all shuffled': shuffled(backlog.flat())
}
await measure(backlog.flat()) // warms up the compiler
const results: Record<string, object> = {}
let reference: Awaited<ReturnType<typeof measure>> | null = null
for (const [name, order] of [
  ...Object.entries(orders),
  ['in order, every answer from the start', backlog.flat()] as const
]) {
  const found = await measure(order, name !== 'in order, every answer from the start')
  reference ??= found
  results[name] = {
    lateShare: rounded(found.late / found.alerts, 2),
    answersPerAlert: rounded(found.answers / found.alerts, 2),
    stepsPerAlert: rounded(found.steps / found.alerts, 2),
    cpuMicrosecondsPerAlert: Math.round(found.cpuMicroseconds / found.alerts),
    speed: rounded(reference.cpuMicroseconds / found.cpuMicroseconds, 2)
  }
}
process.stdout.write(
  `${JSON.stringify({ objects, alertsBefore: before, nights, batchSize, orders: results }, null, 2)}\n`
)
classifier.dispose()
