import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import Fastify from 'fastify'
import { type ErrorCode, HieraxError } from '../../src/errors.ts'
import * as example from '../../src/service/schema/examples.ts'
import { sharedSchemas } from '../../src/service/schema/openapi.ts'
import type { Service } from '../../src/service/service.ts'
import { model, World } from './support.ts'

type Answer = Awaited<ReturnType<Service['app']['inject']>>

/** Holds a value against one of the service's schemas. */
async function assertFits(schema: string, value: unknown): Promise<void> {
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } } })
  for (const shared of sharedSchemas) app.addSchema(shared)
  app.post('/', { schema: { body: { $ref: `${schema}#` } } }, async () => 'fits')
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/', payload: value as object })
  assert.equal(statusCode, 200, `${schema}: ${body}`)
}

async function assertProblem(answer: Answer, status: number, code: ErrorCode, detail: RegExp): Promise<void> {
  assert.equal(answer.statusCode, status)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  const problem = answer.json()
  await assertFits('Problem', problem)
  assert.equal(problem.code, code)
  assert.equal(problem.status, status)
  assert.match(problem.detail, detail)
}

describe('service', () => {
  const world = new World()
  let service: Service
  const get = (url: string, headers: Record<string, string> = {}) => service.app.inject({ url, headers })
  before(async () => {
    service = await world.service()
  })
  after(() => service.close())

  describe('health', () => {
    it('says whether the process lives', async () => {
      const alive = await get('/health/live')
      assert.equal(alive.statusCode, 200)
      assert.deepEqual(alive.json(), { ok: true, reason: 'working' })
      await assertFits('Liveness', alive.json())
      world.live = { ok: false, reason: 'no progress' }
      assert.equal((await get('/health/live')).statusCode, 503)
      world.live = { ok: true, reason: 'working' }
    })

    it('says which part is not ready, and why', async () => {
      assert.equal((await get('/health/ready')).statusCode, 200)
      const { parts } = world
      world.parts = { ...parts, producer: { ready: false, reason: 'disconnected' } }
      const unready = await get('/health/ready')
      world.parts = parts
      assert.equal(unready.statusCode, 503)
      assert.match(String(unready.headers['content-type']), /^application\/json/)
      await assertFits('Readiness', unready.json())
      assert.equal(unready.json().ready, false)
      assert.deepEqual(unready.json().parts.producer, { ready: false, reason: 'disconnected' })
      assert.deepEqual(unready.json().parts.store, { ready: true, reason: 'open' })
    })
  })

  it('shows metrics as Prometheus reads them', async () => {
    const answer = await get('/metrics')
    assert.equal(answer.statusCode, 200)
    assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/)
    assert.match(answer.body, /^hierax_outcomes_total\{outcome="classified"\} 0$/m)
  })

  describe('objects', () => {
    it('are answered whole, in the message’s own order', async () => {
      const answer = await get('/api/v1/objects/ZTF20aaelulu')
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.body, JSON.stringify(example.object))
      assert.equal(answer.headers['cache-control'], 'private, no-cache')
      await assertFits('Object', answer.json())
    })

    it('have a history', async () => {
      const answer = await get('/api/v1/objects/ZTF20aaelulu/history?limit=10')
      assert.deepEqual(answer.json(), example.history)
      await assertProblem(await get('/api/v1/objects/ZTF/history'), 404, 'OBJECT_NOT_FOUND', /"ZTF"/)
      await assertProblem(await get('/api/v1/objects/ZTF/history?limit=1'), 400, 'REQUEST_INVALID', /limit/)
      await assertProblem(
        await get('/api/v1/objects/ZTF/history?model=x'),
        404,
        'MODEL_NOT_FOUND',
        /"x"; there is small/
      )
      await assertProblem(
        await get('/api/v1/objects/ZTF20aaelulu?model=x'),
        404,
        'MODEL_NOT_FOUND',
        /"x"; there is small/
      )
    })

    it('that are unknown are a problem', async () => {
      await assertProblem(await get('/api/v1/objects/ZTF20aaaaaaa'), 404, 'OBJECT_NOT_FOUND', /"ZTF20aaaaaaa"/)
      await assertProblem(await get('/api/v1/objects/..%2f..%2fetc%2fpasswd'), 404, 'OBJECT_NOT_FOUND', /etc\/passwd/)
    })

    it('with impossible names are a problem', async () => {
      await assertProblem(await get(`/api/v1/objects/${'x'.repeat(129)}`), 400, 'REQUEST_INVALID', /objectId/)
      await assertProblem(await get(`/api/v1/objects/${'x'.repeat(10_000)}`), 400, 'REQUEST_INVALID', /objectId/)
      await assertProblem(await get('/api/v1/objects/%zz'), 400, 'REQUEST_INVALID', /./)
      await assertProblem(await get('/api/v1/objects/'), 400, 'REQUEST_INVALID', /objectId/)
    })

    it('that can’t be looked up are a problem, logged', async () => {
      const { lookup } = world
      world.lookup = () => Promise.reject(new HieraxError('STORE_FAILED', 'disk is gone'))
      await assertProblem(await get('/api/v1/objects/ZTF'), 503, 'STORE_FAILED', /disk is gone/)
      world.lookup = () => Promise.reject(new Error('secret path /x'))
      const answer = await get('/api/v1/objects/ZTF')
      world.lookup = lookup
      await assertProblem(answer, 500, 'INTERNAL', /the log has the details/)
      assert.ok(!answer.body.includes('secret'))
      assert.match(world.logged.join(''), /secret path/)
    })
  })

  describe('models', () => {
    it('are named, the first one first', async () => {
      const answer = (await get('/api/v1/model')).json()
      await assertFits('Model', answer)
      assert.equal(answer.name, 'small')
      assert.equal(answer.runtime, 'wasm')
      assert.deepEqual(answer.population, { name: 'stream', shares: { Transient: 0.04, Persistent: 0.96 } })
      assert.deepEqual(
        answer.models.map(({ name, nodes }: { name: string; nodes: number }) => [name, nodes]),
        [
          ['small', 2],
          ['other', 2]
        ]
      )
    })

    it('have a taxonomy each', async () => {
      const answer = (await get('/api/v1/taxonomy')).json()
      await assertFits('Taxonomy', answer)
      assert.deepEqual(answer, {
        name: 'tree',
        version: '3',
        model: 'small',
        root: 'Object',
        nodes: [
          { name: 'Transient', parent: null, description: 'fades' },
          { name: 'SN Ia', parent: 'Transient' }
        ]
      })
      assert.equal((await get('/api/v1/taxonomy?model=other')).json().model, 'other')
      await assertProblem(await get('/api/v1/taxonomy?model=x'), 404, 'MODEL_NOT_FOUND', /"x"; there is small, other/)
    })
  })

  describe('recent classifications', () => {
    it('come newest first, as many as asked for', async () => {
      assert.deepEqual((await get('/api/v1/recent')).json(), [])
      world.publish(120)
      const ids = (await get('/api/v1/recent?limit=2')).json().map(({ id }: { id: string }) => id)
      assert.deepEqual(ids, ['id-119', 'id-118'])
      assert.equal((await get('/api/v1/recent')).json().length, 50)
      assert.equal((await get('/api/v1/recent?limit=1000')).json().length, 100)
      for (const one of (await get('/api/v1/recent?limit=3')).json()) await assertFits('Classification', one)
    })

    it('are those that a filter lets pass', async () => {
      assert.equal((await get('/api/v1/recent?band=r&limit=3')).json().length, 3)
      assert.deepEqual((await get('/api/v1/recent?band=g')).json(), [])
    })

    it('refuse a node or model that is not there: it is not found', async () => {
      for (const route of ['recent', 'events']) {
        const problem = (query: string, code: ErrorCode, message: RegExp) =>
          get(`/api/v1/${route}?${query}`).then(answer => assertProblem(answer, 404, code, message))
        await problem('node=SNIa', 'NODE_NOT_FOUND', /"SNIa"; the nearest is SN Ia/)
        await problem('model=smal', 'MODEL_NOT_FOUND', /"smal"; .*the nearest is small/)
      }
    })

    for (const limit of ['abc', '0', '1001', '1.5', '', '-1', '1&limit=2']) {
      it(`refuse limit=${limit}`, async () => {
        await assertProblem(await get(`/api/v1/recent?limit=${limit}`), 400, 'REQUEST_INVALID', /limit/)
      })
    }

    it('refuse parameters that do not exist', async () => {
      await assertProblem(await get('/api/v1/recent?limt=5'), 400, 'REQUEST_INVALID', /additional/)
    })
  })

  describe('what is not there', () => {
    it('is a problem', async () => {
      await assertProblem(await get('/nothing?x=1'), 404, 'ROUTE_NOT_FOUND', /GET "\/nothing"$/)
      await assertProblem(await get('/assets/..%2fpackage.json'), 404, 'ROUTE_NOT_FOUND', /./)
      const post = await service.app.inject({ method: 'POST', url: '/api/v1/recent' })
      await assertProblem(post, 405, 'METHOD_NOT_ALLOWED', /POST/)
      const large = { method: 'POST', url: '/api/v1/recent', payload: { x: 'x'.repeat(2000) } } as const
      await assertProblem(await service.app.inject(large), 405, 'METHOD_NOT_ALLOWED', /./)
    })

    it('is a problem on a raw socket too', async () => {
      const { port } = await service.listen()
      const bytes = await new Promise<string>((resolve, reject) => {
        let received = ''
        const socket = net.connect(port, '127.0.0.1', () => socket.write(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`))
        socket.on('data', data => {
          received += data
        })
        socket.on('close', () => resolve(received))
        socket.on('error', reject)
      })
      assert.match(bytes, /^HTTP\/1\.1 431 /)
      assert.match(bytes, /application\/problem\+json/)
      await assertFits('Problem', JSON.parse(bytes.slice(bytes.indexOf('\r\n\r\n'))))
    })
  })

  describe('pages', () => {
    it('are served with a strict content-security policy', async () => {
      const page = await get('/')
      assert.equal(page.statusCode, 200)
      assert.match(String(page.headers['content-type']), /^text\/html/)
      const policy = String(page.headers['content-security-policy'])
      assert.match(policy, /default-src 'none';script-src 'self';style-src 'self'/)
      assert.ok(!policy.includes('unsafe'))
      assert.equal(page.headers['x-content-type-options'], 'nosniff')
      assert.doesNotMatch(page.body, /<script>|<style|style=|\son\w+=|https?:/)
      assert.equal(page.headers['cache-control'], 'no-cache')
      const assets = [...page.body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, asset]) => asset as string)
      assert.ok(assets.length >= 3)
      const types: Record<string, RegExp> = { js: /^text\/javascript/, css: /^text\/css/, svg: /^image\/svg/ }
      for (const asset of assets) {
        const { pathname } = new URL(asset, 'http://x/')
        const answer = await get(pathname)
        assert.equal(answer.statusCode, 200, asset)
        assert.match(String(answer.headers['content-type']), types[pathname.split('.').at(-1) ?? ''] as RegExp)
        if (asset.includes('assets/')) assert.match(String(answer.headers['cache-control']), /immutable/)
      }
    })

    it('have nothing beside them', async () => {
      for (const url of ['/assets/', '/assets/none.js', '/assets/..%2findex.html', '/assets/.%00']) {
        const { statusCode } = await get(url)
        assert.ok(statusCode === 404 || statusCode === 400, `${url}: ${statusCode}`)
      }
    })

    for (const url of ['/api/docs', '/api/docs/']) {
      it(`document the API at ${url} without help from elsewhere`, async () => {
        const index = await get(url)
        assert.equal(index.statusCode, 200)
        assert.doesNotMatch(index.body, /https?:\/\//)
        assert.ok(!/script-src[^;]*unsafe/.test(String(index.headers['content-security-policy'])))
        const assets = [...index.body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, asset]) => asset as string)
        assert.ok(assets.length >= 5)
        for (const asset of assets) {
          const { pathname } = new URL(asset, `http://x${url}`)
          assert.equal((await get(pathname)).statusCode, 200, pathname)
        }
      })
    }
  })

  describe('OpenAPI document', () => {
    it('describes every route with examples that fit', async () => {
      const document = (await get('/api/v1/openapi.json')).json()
      assert.equal(document.openapi, '3.1.0')
      assert.deepEqual(Object.keys(document.paths).sort(), [
        '/api/v1/disagreements',
        '/api/v1/events',
        '/api/v1/model',
        '/api/v1/objects',
        '/api/v1/objects/{objectId}',
        '/api/v1/objects/{objectId}/cutouts/difference.png',
        '/api/v1/objects/{objectId}/cutouts/science.png',
        '/api/v1/objects/{objectId}/cutouts/template.png',
        '/api/v1/objects/{objectId}/history',
        '/api/v1/objects/{objectId}/lightcurve.csv',
        '/api/v1/objects/{objectId}/lightcurve.svg',
        '/api/v1/recent',
        '/api/v1/skyportal/alerts',
        '/api/v1/skyportal/alerts/{objectId}',
        '/api/v1/statistics',
        '/api/v1/taxonomy',
        '/health/live',
        '/health/ready',
        '/metrics'
      ])
      const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target)
      assert.ok(references.includes('#/components/schemas/Object'))
      for (const target of references) {
        const name = (target as string).replace('#/components/schemas/', '')
        assert.ok(document.components.schemas[name], target)
      }
      for (const [name, schema] of Object.entries<{ examples: unknown[] }>(document.components.schemas)) {
        assert.ok(schema.examples?.length > 0, `${name} has no example`)
        for (const one of schema.examples) await assertFits(name, one)
      }
    })
  })

  it('says how it does', async () => {
    const answer = (await get('/api/v1/statistics')).json()
    await assertFits('Statistics', answer)
    assert.deepEqual(answer, example.statistics)
  })

  it('never shows the root as a node', async () => {
    const { nodes } = (await get('/api/v1/taxonomy')).json()
    assert.ok(!nodes.some(({ name }: { name: string }) => name === model.root))
  })
})

describe('token', () => {
  const world = new World()
  let service: Service
  const get = (url: string, authorization?: string) =>
    service.app.inject({ url, headers: authorization === undefined ? {} : { authorization } })
  before(async () => {
    service = await world.service({ token: 'hunter2:x' })
  })
  after(() => service.close())

  for (const url of [
    '/',
    '/assets/index.js',
    '/api/v1/recent',
    '/api/v1/events',
    '/api/docs/',
    '/api/docs/json',
    '/x'
  ]) {
    it(`is asked for at ${url}`, async () => {
      const answer = await get(url)
      await assertProblem(answer, 401, 'UNAUTHORIZED', /required/)
      assert.match(String(answer.headers['www-authenticate']), /Bearer/)
    })
  }

  it('is not asked for by probes and scrapes', async () => {
    for (const url of ['/health/live', '/health/ready', '/metrics']) assert.equal((await get(url)).statusCode, 200, url)
  })

  it('opens as a bearer token or as a password', async () => {
    const basic = Buffer.from('anyone:hunter2:x').toString('base64')
    for (const authorization of ['Bearer hunter2:x', 'bearer  hunter2:x', `Basic ${basic}`]) {
      assert.equal((await get('/api/v1/recent', authorization)).statusCode, 200, authorization)
    }
  })

  it('is refused when it is another', async () => {
    const basic = Buffer.from('hunter2').toString('base64')
    for (const authorization of ['Bearer hunter2', 'Bearer hunter2:x hunter2:x', 'hunter2:x', `Basic ${basic}`, '']) {
      assert.equal((await get('/api/v1/recent', authorization)).statusCode, 401, authorization)
    }
    assert.ok(!world.logged.join('').includes('hunter2'))
  })
})

describe('rate limit', () => {
  it('bounds requests, but not probes and scrapes', async t => {
    const service = await new World().service({ requestsPerMinute: 3 })
    t.after(() => service.close())
    const get = (url: string) => service.app.inject({ url })
    for (let index = 0; index < 3; index++) assert.equal((await get('/api/v1/recent')).statusCode, 200)
    const refused = await get('/api/v1/recent')
    await assertProblem(refused, 429, 'TOO_MANY_REQUESTS', /more than 3 requests/)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    for (let index = 0; index < 5; index++) assert.equal((await get('/metrics')).statusCode, 200)
    for (let index = 0; index < 3; index++) await get('/nothing')
    await assertProblem(await get('/nothing'), 429, 'TOO_MANY_REQUESTS', /./)
  })

  it('counts wrong tokens', async t => {
    const service = await new World().service({ requestsPerMinute: 2, token: 'right' })
    t.after(() => service.close())
    const get = () => service.app.inject({ url: '/api/v1/recent', headers: { authorization: 'Bearer wrong' } })
    assert.deepEqual([(await get()).statusCode, (await get()).statusCode, (await get()).statusCode], [401, 401, 429])
  })
})

describe('listening', () => {
  it('names a port that is taken', async t => {
    const [one, two] = [await new World().service(), new World()]
    t.after(() => one.close())
    const { url, port } = await one.listen()
    assert.equal(url, `http://127.0.0.1:${port}`)
    assert.equal((await fetch(`${url}/health/live`)).status, 200)
    const second = await two.service({ port })
    t.after(() => second.close())
    await assert.rejects(second.listen(), { code: 'HTTP_UNAVAILABLE', message: /port \d+: EADDRINUSE/ })
  })
})
