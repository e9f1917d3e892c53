import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import type { Classification } from '../../src/messages/classification.ts'
import { type Encoding, encodeClassification } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'
import { runHierax, startHierax } from '../support/service.ts'
import { until } from '../support/until.ts'

const running = await kafka()
const { skip, tools } = running
const brokers = ['--brokers', running.brokers.join(',')]

/** An answer for an object at a time, with two nodes of any taxonomy. */
function answer(objectId: string, jd: number, probability: number, more: Partial<Classification> = {}): Classification {
  const nodes = [
    { name: 'Fades', parent: null, conditional: probability, probability },
    { name: 'Stays', parent: null, conditional: 1 - probability, probability: 1 - probability }
  ]
  const prediction = { node: 'Fades', probability, path: ['Fades'] }
  return { ...sample, id: `${objectId}:${jd}`, objectId, jd, nodes, prediction, evidence: [], ...more }
}

const refused = { status: 'NOT_CLASSIFIED', reason: 'BOGUS', nodes: [], prediction: null } as const

/** A topic with an object's answer, a late one, a repetition, another object's, and bytes that are no message. */
async function topicOf(encoding: Encoding): Promise<string> {
  const topic = await tools.topic(undefined, { partitions: 2 })
  const bodies = [
    answer('ZTF18aaaaaaa', 2458800.5, 0.4),
    answer('ZTF18aaaaaaa', 2458802.5, 0.95),
    answer('ZTF18aaaaaaa', 2458801.5, 0.6),
    answer('ZTF18aaaaaaa', 2458802.5, 0.95),
    answer('ZTF18bbbbbbb', 2458803.5, 0.2, refused)
  ]
  const values = [...bodies.map(body => encodeClassification(body, encoding)), Buffer.from('\u001b[31mno message')]
  await tools.produce(
    topic,
    values.map(value => ({ partition: 0, value }))
  )
  return topic
}

describe('hierax tail', { skip }, () => {
  for (const encoding of ['avro', 'json'] as const) {
    test(`shows a line an alert, once, and what is older than an answer (${encoding})`, async () => {
      const topic = await topicOf(encoding)
      const { code, stdout, stderr } = await runHierax([
        'tail',
        ...brokers,
        '--topic',
        topic,
        '--from',
        'earliest',
        '--end'
      ])
      assert.equal(code, 0, stderr)
      assert.deepEqual(stdout.split('\n'), [
        '2019-11-13 00:00  ZTF18aaaaaaa  r 17.25  Fades 0.400  3 detections',
        '2019-11-15 00:00  ZTF18aaaaaaa  r 17.25  Fades 0.950  3 detections',
        '2019-11-14 00:00  ZTF18aaaaaaa  r 17.25  Fades 0.600  3 detections  older',
        '2019-11-16 00:00  ZTF18bbbbbbb  r 17.25  not classified: BOGUS  3 detections',
        ''
      ])
      assert.match(
        stderr,
        new RegExp(`^hierax: MESSAGE_UNREADABLE: ${topic}/0/5: its format is none of avro, json, confluent\n$`)
      )
    })
  }

  test('chooses by node and probability, and by what is current', async () => {
    const topic = await topicOf('avro')
    const lines = async (...args: string[]) => {
      const { stdout } = await runHierax([
        'tail',
        ...brokers,
        '--topic',
        topic,
        '--from',
        'earliest',
        '--end',
        '--json',
        ...args
      ])
      return stdout
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line).id)
    }
    assert.deepEqual(await lines('--node', 'Stays', '--min', '0.3'), [
      'ZTF18aaaaaaa:2458800.5',
      'ZTF18aaaaaaa:2458801.5'
    ])
    assert.deepEqual(await lines('--min', '0.5', '--current'), ['ZTF18aaaaaaa:2458802.5'])
    assert.deepEqual(await lines('--limit', '1'), ['ZTF18aaaaaaa:2458800.5'])
  })

  test('JSON lines are the messages of the JSON encoding', async () => {
    const topic = await tools.topic()
    await tools.produce(topic, [{ partition: 0, value: encodeClassification(sample, 'avro') }])
    const { stdout } = await runHierax(['tail', ...brokers, '--topic', topic, '--from', 'earliest', '--end', '--json'])
    assert.equal(stdout, `${encodeClassification(sample, 'json')}\n`)
  })

  test('a node that no taxonomy has is reported, with the nearest one', async () => {
    const topic = await topicOf('json')
    const { code, stdout, stderr } = await runHierax([
      'tail',
      ...brokers,
      '--topic',
      topic,
      '--from',
      'earliest',
      '--end',
      '--node',
      'Fade'
    ])
    assert.deepEqual([code, stdout], [0, ''])
    assert.match(stderr, /the taxonomy "example" has no node "Fade". Did you mean Fades\?/)
  })

  test('Ctrl-C ends it with 0 and leaves no group; only what came after its start is shown', async () => {
    const topic = await topicOf('avro')
    const child = follow(['tail', ...brokers, '--topic', topic])
    const group = await groupOf(topic)
    let at = 2458900
    await until(async () => {
      at += 1
      await tools.produce(topic, [
        { partition: 1, value: encodeClassification(answer('ZTF18ccccccc', at, 0.7), 'avro') }
      ])
      return child.output().includes('ZTF18ccccccc')
    })
    assert.doesNotMatch(child.output(), /ZTF18aaaaaaa/)
    child.process.kill('SIGINT')
    assert.deepEqual(await child.ended, [0, null])
    assert.ok(!(await groups()).includes(group), 'the group is gone')
  })

  test('a reader that goes away ends it quietly, with no group left', async () => {
    const topic = await topicOf('avro')
    const child = follow(['tail', ...brokers, '--topic', topic, '--json'])
    const group = await groupOf(topic)
    child.process.stdout?.destroy()
    let at = 2459000
    const feeding = setInterval(() => {
      at += 1
      void tools.produce(topic, [
        { partition: 1, value: encodeClassification(answer('ZTF18ddddddd', at, 0.7), 'json') }
      ])
    }, 200)
    const [code] = await child.ended
    clearInterval(feeding)
    assert.equal(code, 0)
    assert.equal(child.errors(), '')
    assert.ok(!(await groups()).includes(group), 'the group is gone')
  })

  test('a topic that is not there is a fault that names it', async () => {
    const { code, stderr } = await runHierax(['tail', ...brokers, '--topic', 'not.there'])
    assert.equal(code, 1)
    assert.match(stderr, /^hierax: TOPIC_NOT_FOUND: there is no topic "not.there" at /)
  })
})

test('a cluster that does not answer is a fault', async () => {
  const { code, stderr } = await runHierax(['tail', '--brokers', '127.0.0.1:1'])
  assert.match(stderr, /^hierax: KAFKA_UNAVAILABLE: .*127\.0\.0\.1:1/)
  assert.equal(code, 1)
})

test('wrong usage is reported before anything is connected', async () => {
  const { code, stderr } = await runHierax(['tail', '--min', '2'])
  assert.match(stderr, /--min.*from 0 to 1/)
  assert.equal(code, 2)
})

async function groups(): Promise<string[]> {
  const { groups } = await (await tools.admin()).listGroups()
  return groups.map(group => group.groupId).filter(id => id.startsWith('hierax-tail-'))
}

/** The group of a tail that reads a topic. */
async function groupOf(topic: string): Promise<string> {
  const admin = await tools.admin()
  let found: string | undefined
  await until(async () => {
    const described = await admin.describeGroups(await groups())
    found = described.groups.find(({ members }) =>
      members.some(
        // Empty while the group rebalances.
        ({ memberMetadata: metadata }) =>
          metadata.length > 0 && kafkajs.AssignerProtocol.MemberMetadata.decode(metadata)?.topics.includes(topic)
      )
    )?.groupId
    return found !== undefined
  })
  return found as string
}

interface Following {
  readonly process: ChildProcess
  readonly ended: Promise<unknown[]>
  output(): string
  errors(): string
}

function follow(args: string[]): Following {
  const child = startHierax(args)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    output += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    errors += chunk
  })
  return { process: child, ended: once(child, 'close'), output: () => output, errors: () => errors }
}
