import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import { classification } from '../../src/service/schema/examples.ts'
import type { Service } from '../../src/service/service.ts'
import { model, World } from './support.ts'

type Line = Record<string, unknown> & { readonly cursor?: string | null }

const services = new Map<World, Promise<Service>>()
after(async () => {
  for (const service of services.values()) await (await service).close()
})

/** A world whose store has objects `A0`, `A1`, …, each with this probability of its prediction. */
function worldOf(...probabilities: number[]): World {
  const world = new World()
  world.stored = probabilities.map((probability, index) => ({
    objectId: `A${index}`,
    classification: {
      ...classification,
      objectId: `A${index}`,
      nodes: [{ name: 'SN Ia', parent: 'Transient', conditional: 1, probability }],
      prediction: { node: 'SN Ia', probability, path: ['SN Ia'] }
    }
  }))
  return world
}

async function get(world: World, query: string): Promise<{ status: number; lines: Line[] }> {
  const service = await (services.get(world) ?? world.service())
  services.set(world, Promise.resolve(service))
  const { statusCode, body, headers } = await service.app.inject(`/api/v1/objects${query}`)
  if (statusCode === 200) assert.equal(headers['content-type'], 'application/x-ndjson; charset=utf-8')
  const lines = body
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
  return { status: statusCode, lines }
}
const ids = (lines: readonly Line[]): unknown[] => lines.slice(0, -1).map(({ objectId }) => objectId)

describe('the query of all objects', () => {
  test('gives every object once over the pages of a cursor, whatever is added and removed meanwhile', async () => {
    const world = worldOf(0.9, 0.8, 0.7, 0.9, 0.6)
    const seen: unknown[] = []
    let cursor: string | null | undefined = ''
    for (let page = 0; cursor !== null; page++) {
      const { lines } = await get(world, `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...ids(lines))
      cursor = lines.at(-1)?.cursor
      assert.equal(lines.at(-1)?.objects, lines.length - 1)
      // Comes before what was read, and goes after it was read.
      if (page === 0) world.stored = [{ objectId: 'A00', classification }, ...world.stored.slice(1)]
    }
    assert.deepEqual(seen, ['A0', 'A1', 'A2', 'A3', 'A4'])
    assert.deepEqual(
      world.asked.map(({ after }) => after),
      ['', 'A1', 'A3']
    )
  })

  test('is narrowed by node and probability', async () => {
    const world = worldOf(0.9, 0.2, 0.5)
    for (const [query, expected] of [
      ['', ['A0', 'A1', 'A2']],
      ['?node=SN%20Ia', ['A0', 'A2']],
      ['?node=SN%20Ia&min=0.1', ['A0', 'A1', 'A2']],
      ['?node=SN%20Ia&max=0.5', ['A1', 'A2']],
      ['?node=SN%20Ia&min=0.4&max=0.6', ['A2']],
      ['?min=0.5', ['A0', 'A2']],
      ['?max=0.4', ['A1']],
      ['?node=Transient', []]
    ] as const)
      assert.deepEqual(ids((await get(world, query)).lines), expected, query)
  })

  test('asks the store for a time, a model and a cone', async () => {
    const world = worldOf(0.9)
    await get(world, '?since=2026-11-20&model=other&ra=12:34:56.7&dec=+12:34:56&radius=2.5')
    const [{ cone, ...rest }] = world.asked as [(typeof world.asked)[number]]
    assert.deepEqual(rest, { model: 'cd'.repeat(32), since: 2461364.5, after: '' })
    assert.ok(cone && Math.abs(cone.ra - 188.73625) < 1e-9 && Math.abs(cone.dec - 12.58222222) < 1e-8)
    assert.equal(cone.radius, 2.5)
    await get(world, '?since=2461364.75')
    assert.deepEqual(world.asked[1], { model: model.sha256, since: 2461364.75, cone: null, after: '' })
  })

  test('refuses what it can not answer, with the value', async () => {
    const world = worldOf(0.9)
    for (const [query, status, code] of [
      ['?ra=10&dec=5', 400, 'REQUEST_INVALID'],
      ['?ra=10&dec=95&radius=1', 400, 'REQUEST_INVALID'],
      ['?ra=10&dec=5&radius=36001', 400, 'REQUEST_INVALID'],
      ['?ra=10&dec=5&radius=-1', 400, 'REQUEST_INVALID'],
      ['?min=0.5&max=0.4', 400, 'REQUEST_INVALID'],
      ['?min=1.1', 400, 'REQUEST_INVALID'],
      ['?since=yesterday', 400, 'REQUEST_INVALID'],
      ['?limit=0', 400, 'REQUEST_INVALID'],
      ['?cursor=AAAA', 400, 'REQUEST_INVALID'],
      ['?nodes=CC', 400, 'REQUEST_INVALID'],
      ['?node=Nova', 404, 'NODE_NOT_FOUND'],
      ['?model=nobody', 404, 'MODEL_NOT_FOUND']
    ] as const) {
      const { status: given, lines } = await get(world, query)
      assert.deepEqual([given, lines[0]?.code], [status, code], query)
    }
  })

  test('does not accept the cursor of another query', async () => {
    const world = worldOf(0.9, 0.9)
    const { lines } = await get(world, '?limit=1&min=0.5')
    const cursor = lines.at(-1)?.cursor
    assert.equal((await get(world, `?limit=7&min=0.5&cursor=${cursor}`)).status, 200)
    assert.equal((await get(world, `?limit=1&min=0.6&cursor=${cursor}`)).status, 400)
  })

  test('has a line for a record that can not be read, and ends with the failure of the store', async () => {
    const world = worldOf(0.9)
    world.stored = [{ objectId: 'A', error: new HieraxError('STORE_CORRUPT', 'damaged') }, ...world.stored]
    const { lines } = await get(world, '')
    assert.deepEqual([lines[0]?.objectId, (lines[0] as { error: { code: string } }).error.code], ['A', 'STORE_CORRUPT'])
    assert.deepEqual([lines[1]?.objectId, lines[2]], ['A0', { cursor: null, objects: 2 }])
    const fails = new HieraxError('STORE_FAILED', 'gone')
    world.query = async function* () {
      yield world.stored
      throw fails
    }
    const cut = await get(world, '')
    assert.equal((cut.lines.at(-1) as unknown as { error: { code: string } }).error.code, 'STORE_FAILED')
    // biome-ignore lint/correctness/useYield: it fails before
    world.query = async function* () {
      throw fails
    }
    assert.equal((await get(world, '')).status, 503)
  })
})
