import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { train } from '@hierax/training/train.ts'
import { bundledModel, readModelFolder } from '../../src/classifier/model-folder.ts'
import { decodeClassification, toJson } from '../../src/messages/encoding.ts'
import { lineOf, madeObjects, silent, smallPlan } from '../../training/test/support.ts'
import { kafka } from '../support/brokers.ts'
import { runHierax, ServiceProcess, temporaryFolder, total } from '../support/service.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const { tools } = running

/** A model of a tree of three nodes, whose names have special characters, trained for a second. */
async function smallModel(): Promise<string> {
  const file = (name: string): string => path.join(folder, name)
  const names = ['bright/young', 'Überrest ★ <α>']
  const labels = { 'type A1': names[0], 'type A2': names[0], 'type B': names[1], 'type C1': names[1] }
  const nodes = names.map(name => ({ name, parent: 'All' }))
  fs.writeFileSync(file('tree.json'), JSON.stringify({ name: 'three', version: '7', root: 'All', nodes, labels }))
  fs.writeFileSync(file('data.jsonl'), madeObjects(40).map(lineOf).join('\n'))
  const plan = smallPlan(file('small'), file('tree.json'), file('data.jsonl'))
  assert.equal(await train(plan, silent, new AbortController().signal), true)
  return plan.out
}

describe('several models side by side', { skip: running.skip }, () => {
  test('each publishes messages of its own for every alert; alerts and outcomes are counted once', async () => {
    const name = tools.name('alerts')
    const simulated = await runHierax([
      ...['simulate', '--brokers', running.brokers.join(','), '--topic', name, '--partitions', '2'],
      ...['--objects', '6', '--cutout-bytes', '0']
    ])
    assert.equal(simulated.code, 0, simulated.stderr)
    const alerts = (await tools.read(name)).length
    const small = await smallModel()
    const [first, second] = [await readModelFolder(bundledModel), await readModelFolder(small)]
    const settings = {
      HIERAX_INPUT_BROKERS: running.brokers.join(','),
      HIERAX_INPUT_TOPICS: name,
      HIERAX_INPUT_GROUP: name,
      HIERAX_OUTPUT_CLASSIFICATIONS: `${name}.classifications`,
      HIERAX_OUTPUT_DEAD_LETTERS: `${name}.dead`,
      HIERAX_OUTPUT_ROUTES: `${name}.route=bright/young>=0`,
      HIERAX_STORE_URL: `lmdb:${path.join(folder, 'store')}`,
      HIERAX_MODEL: `${bundledModel},${small}`
    }
    const service = await ServiceProcess.start(settings)
    const metrics = await service.untilConsumed(alerts)
    const bodies = (await tools.read(`${name}.classifications`)).map(message =>
      decodeClassification(message.value as Buffer, 'avro')
    )
    const of = (sha256: string) => bodies.filter(({ classifier }) => classifier.sha256 === sha256)
    const [ofFirst, ofSecond] = [of(first.sha256), of(second.sha256)]
    const candids = (some: typeof bodies) => new Set(some.map(({ candid }) => candid))
    assert.equal(candids(ofFirst).size, alerts)
    assert.deepEqual(candids(ofFirst), candids(ofSecond))
    assert.equal(ofFirst.length + ofSecond.length, bodies.length)
    const ids = new Set(ofFirst.map(({ id }) => id))
    assert.ok(ofSecond.every(({ id }) => !ids.has(id)))
    const [one] = ofSecond.filter(({ status }) => status === 'CLASSIFIED')
    assert.deepEqual(
      one?.nodes.map(({ name }) => name),
      ['bright/young', 'Überrest ★ <α>']
    )
    assert.equal(one?.classifier.taxonomyVersion, '7')
    assert.ok(ofSecond.every(({ status, novelty }) => (status === 'CLASSIFIED') === (novelty !== null)))
    const shared = ofFirst.find(({ candid }) => candid === one?.candid)
    assert.deepEqual(shared?.lightCurve, one?.lightCurve)
    const routed = (await tools.read(`${name}.route`)).map(({ value }) => decodeClassification(value as Buffer, 'avro'))
    assert.ok(routed.length > 0 && routed.every(({ classifier }) => classifier.sha256 === second.sha256))

    assert.equal(total(metrics, 'hierax_alerts_consumed_total'), alerts)
    assert.equal(total(metrics, 'hierax_outcomes_total'), alerts)
    assert.equal(total(metrics, 'hierax_model_info'), 2)

    const json = async (route: string) => JSON.parse((await service.get(route)).text)
    const { models } = await json('/api/v1/model')
    assert.deepEqual(
      models.map(({ sha256, nodes }: { sha256: string; nodes: number }) => [sha256, nodes]),
      [
        [first.sha256, first.taxonomy.nodes.length],
        [second.sha256, 2]
      ]
    )
    const tree = await json(`/api/v1/taxonomy?model=${second.card.name}`)
    assert.deepEqual([tree.name, tree.version, tree.root, tree.nodes.length], ['three', '7', 'All', 2])
    for (const model of [first, second]) {
      const object = await json(`/api/v1/objects/${one?.objectId}?model=${model.card.name}`)
      assert.equal(object.classification.classifier.sha256, model.sha256)
    }

    // While the service runs. It has published the same messages: there are no other ids and bytes.
    const known = new Map(bodies.map(body => [body.id, JSON.stringify(toJson(body))]))
    const again = await runHierax(['reclassify', '--rate', '0', '--model', small], { settings })
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /: 6 of 6 objects reclassified/)
    const repeated = (await tools.read(`${name}.classifications`)).filter(
      ({ headers }) => String(headers?.source) === 'reclassify'
    )
    assert.ok(repeated.length >= 6)
    for (const { value } of repeated) {
      const body = decodeClassification(value as Buffer, 'avro')
      assert.equal(body.classifier.sha256, second.sha256)
      assert.equal(JSON.stringify(toJson(body)), known.get(body.id))
    }
    assert.ok((await tools.read(`${name}.route`)).length > routed.length)
    const dry = await runHierax(['reclassify', '--dry-run', '--since', '2000-01-01'], { settings })
    assert.deepEqual([dry.code, dry.stdout.split('\n').length], [0, 5], dry.stderr)
    const misspelt = await runHierax(['reclassify', '--node', 'SN Iz'], { settings })
    assert.deepEqual([misspelt.code, /Did you mean SN I/.test(misspelt.stderr)], [2, true], misspelt.stderr)
    await service.until('the progress to be shown', async () => {
      const shown = await service.metrics()
      return ['total', 'done'].every(state => shown.get(`hierax_reclassify_objects{state="${state}"}`) === 6)
    })
    assert.equal(await service.end(), 0)

    // The second model as a shadow, in worker processes: the messages of the first one are the same.
    const shadowed = await ServiceProcess.start({
      ...settings,
      HIERAX_INPUT_GROUP: `${name}.shadowed`,
      HIERAX_OUTPUT_CLASSIFICATIONS: `${name}.shadowed`,
      HIERAX_OUTPUT_ROUTES: 'none',
      HIERAX_STORE_URL: `lmdb:${path.join(folder, 'shadowed')}`,
      HIERAX_MODEL: bundledModel,
      HIERAX_SHADOW: small,
      HIERAX_WORKERS: '2'
    })
    await shadowed.untilConsumed(alerts)
    const classified = ofFirst.filter(({ candid, status }, index) => {
      const same = ofFirst.findIndex(other => other.candid === candid)
      return same === index && status === 'CLASSIFIED'
    }).length
    const report = async () => {
      const said = await runHierax(['disagreements', '--url', shadowed.url ?? '', '--report', '--json'])
      assert.equal(said.code, 0, said.stderr)
      return JSON.parse(said.stdout)
    }
    await shadowed.until('all alerts to be compared', async () => (await report()).alerts >= classified)
    const { model, incomparable, skipped, pairs } = await report()
    assert.equal(model.sha256, second.sha256)
    assert.ok(incomparable > 0, 'no node has the same name in both taxonomies')
    assert.deepEqual(skipped, { busy: 0, failed: 0 })
    assert.ok(pairs.every(({ agreement }: { agreement: string }) => ['same', 'incomparable'].includes(agreement)))
    const listed = await runHierax(['disagreements', '--url', shadowed.url ?? '', '--limit', '2'])
    assert.equal(listed.stdout.trimEnd().split('\n').length, 2)
    assert.match(listed.stderr, /^alerts since 2\S+Z, when the service was started\n$/)
    const shown = await shadowed.metrics()
    assert.equal(total(shown, 'hierax_shadow_predictions_total'), classified)
    assert.equal(total(shown, 'hierax_shadow_info'), 1)
    assert.equal(total(shown, 'hierax_model_info'), 1)
    const alone = (await tools.read(`${name}.shadowed`)).map(({ value }) =>
      decodeClassification(value as Buffer, 'avro')
    )
    const bytesOf = (some: typeof bodies) => new Map(some.map(body => [body.id, JSON.stringify(toJson(body))]))
    const [published, before] = [bytesOf(alone), bytesOf(ofFirst)]
    assert.deepEqual(new Set(alone.map(({ classifier }) => classifier.sha256)), new Set([first.sha256]))
    assert.ok([...published].filter(([id, text]) => before.get(id) === text).length > 0)
    for (const [id, text] of published) assert.equal(before.get(id) ?? text, text)
    assert.equal(await shadowed.end(), 0)
    const refused = await runHierax(['serve'], { settings: { ...settings, HIERAX_SHADOW: small } })
    assert.deepEqual([refused.code, /CONFIG_INVALID: shadow: /.test(refused.stderr)], [2, true], refused.stderr)
  })
})
