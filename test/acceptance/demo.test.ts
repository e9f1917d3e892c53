import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { streamMix } from '@hierax/tools/simulator/mix.ts'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { kafka } from '../support/brokers.ts'
import { until } from '../support/until.ts'
import { DemoProcess } from './demo-process.ts'

const running = await kafka()
const started: DemoProcess[] = []
after(() => started.forEach(demo => void demo.discard()))

function start(args: readonly string[], brokers?: readonly string[]): DemoProcess {
  const demo = new DemoProcess(args, brokers)
  started.push(demo)
  return demo
}

/** The line of a confident object: id, path, probabilities, detections and true class. */
const confident = /^ {2}ZTF\d\d[a-z]{7} {2}\S.* › \S.* (0\.9\d|1\.00) +\d+ detections? +true class: \S/m

/** A line that belongs to no warning: the brokers of a busy machine may answer late, and the demo says so. */
const otherThanWarnings = /^(?!\[[\d:]+\] WARN: | {4}).+/m

/** Figures of the summary. */
function summary({ printed, stdout }: DemoProcess): { alerts: number; objects: number; seconds: number } {
  const line = /^([\d,]+) alerts of ([\d,]+) objects in (\d+) s; [\d,]+ objects have a confident class[:.]/m.exec(
    stdout
  )
  assert.ok(line, printed)
  const [alerts, objects, seconds] = line.slice(1).map(figure => Number(figure.replaceAll(',', '')))
  return { alerts: alerts as number, objects: objects as number, seconds: seconds as number }
}

test('on an existing Kafka it prints confident objects until Ctrl-C, and removes its topics', {
  skip: running.skip
}, async () => {
  const admin = await running.tools.admin()
  const demo = start(['--rate', '200'], running.brokers)
  await demo.untilPrinted(confident)
  const run = /hierax-demo-[0-9a-f]{6}/.exec(demo.stdout)?.[0]
  assert.ok(run, demo.printed)
  assert.match(demo.stdout, new RegExp(`Kafka +Kafka, at ${running.brokers.join(', ')}\n`))
  const topics = async () => (await running.tools.topics()).filter(topic => topic.startsWith(run))
  assert.deepEqual((await topics()).sort(), [`${run}.alerts`, `${run}.classifications`, `${run}.dead-letters`])
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.stdout)?.[0]
  await until(async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return Number(/^hierax_outcomes_total\{outcome="classified"\} (\d+)/m.exec(text)?.[1]) > 100
  })

  demo.child.kill('SIGINT')
  assert.equal(await demo.end(), 0, demo.printed)
  assert.ok(summary(demo).alerts > 100, demo.printed)
  assert.doesNotMatch(demo.stderr, otherThanWarnings)
  assert.deepEqual(await demo.left(), [])
  assert.deepEqual(await topics(), [])
  const { groups } = await admin.listGroups()
  assert.ok(groups.every(group => group.groupId !== run))
})

test('with --for it ends by itself', async () => {
  const demo = start(['--in-process', '--for', '2'])
  assert.equal(await demo.end(), 0, demo.printed)
  assert.ok(summary(demo).seconds >= 2, demo.printed)
  assert.equal(demo.stderr, '')
  assert.deepEqual(await demo.left(), [])
})

test('without Kafka it serves page, API and metrics until Ctrl-C', async () => {
  const demo = start(['--in-process'])
  await demo.untilPrinted(confident)
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.stdout)?.[0]
  const get = async (route: string) => (await fetch(`${url}${route}`)).text()
  assert.match(await get('/'), /<html/i)
  assert.match(await get('/metrics'), /^hierax_outcomes_total\{outcome="classified"\} [1-9]/m)
  const example = /curl (http\S+)\/api\/v1\/objects\/(ZTF\w+)/.exec(demo.stdout)?.[2]
  const object = JSON.parse(await get(`/api/v1/objects/${example}`))
  assert.equal(object.classification.status, 'CLASSIFIED')

  demo.child.kill('SIGINT')
  demo.child.kill('SIGINT') // as npm passes it on
  assert.equal(await demo.end(), 0, demo.printed)
  assert.match(demo.stdout, /Everything was stopped and removed/)
  assert.equal(demo.stderr, '')
  assert.deepEqual(await demo.left(), [])
})

test('with --objects every packet is classified, on a broker that it starts', {
  skip: running.skip
}, async () => {
  const examples: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves()) examples.push(curve)
  const points = streamMix(examples, 0)
    .slice(0, 20)
    .flatMap(curve => curve.points)
  const detections = points.filter(point => point.detection).length
  const demo = start(['--objects', '20', '--rate', '1000'])
  assert.equal(await demo.end(), 0, demo.printed)
  assert.match(demo.stdout, /Kafka +(a local Apache Kafka|Kafka in Docker)/)
  const { alerts, objects } = summary(demo)
  assert.deepEqual({ alerts, objects }, { alerts: detections, objects: 20 })
  assert.deepEqual(await demo.left(), [])
})

test('a second signal and a kill leave nothing behind', async () => {
  for (const end of [
    (demo: DemoProcess) => {
      demo.child.kill('SIGTERM')
      setTimeout(() => demo.child.kill('SIGINT'), 600)
    },
    (demo: DemoProcess) => demo.child.kill('SIGKILL')
  ]) {
    const demo = start(running.skip ? ['--in-process'] : [])
    await demo.untilPrinted(confident)
    assert.ok(demo.traces().some(trace => trace.startsWith('hierax-demo-')))
    const container = demo.stdout.includes('Kafka in Docker')
    end(demo)
    await demo.end()
    // The helper of testcontainers takes longer.
    if (!container) assert.deepEqual(await demo.left(), [], demo.printed)
  }
})
