import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { type RegistryConnection, refusesCredentials, SchemaRegistry } from '../../src/streams/schema-registry.ts'
import { certificate } from '../support/certificates.ts'
import { schemaRegistry } from '../support/registry.ts'

const running = await schemaRegistry()
const open = { username: null, password: null, token: null, ca: null }
const client = (changes: Partial<RegistryConnection> = {}): SchemaRegistry =>
  new SchemaRegistry({ ...open, url: running.url, ...changes })

const schema = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'a', fields })
const x = { name: 'x', type: 'int' }
const y = { name: 'y', type: 'int' }

describe('a schema registry', { skip: running.skip }, async () => {
  if (!running.skip) await running.start()

  test('a schema keeps its id, and is found by it', async () => {
    const id = await client().register('kept-value', schema(x))
    assert.equal(await client().register('kept-value', schema(x)), id)
    assert.equal(await client({ url: `${running.url}/` }).lookUp('kept-value', [schema(x, y), schema(x)]), id)
    assert.deepEqual(JSON.parse((await client().schemaOf(id)) as string), JSON.parse(schema(x)))
    assert.equal(await client().schemaOf(1_000_000), null)
  })

  test('a schema that is not there is an error of the configuration', async () => {
    await client().register('lacking-value', schema(x))
    for (const subject of ['lacking-value', 'no/such subject'])
      await assert.rejects(client().lookUp(subject, [schema(y)]), {
        code: 'CONFIG_INVALID',
        message: /does not have the schema under the subject .*register schemas\/classification\.avsc/
      })
  })

  test('a schema that the registry refuses is one too, with what the registry says', async () => {
    await client().register('refused-value', schema(x))
    const settings = { method: 'PUT', body: JSON.stringify({ compatibility: 'BACKWARD' }) }
    const headers = { 'content-type': 'application/json' }
    assert.ok((await fetch(`${running.url}/config/refused-value`, { ...settings, headers })).ok)
    await assert.rejects(client().register('refused-value', schema(y)), {
      code: 'CONFIG_INVALID',
      message: /refuses the schema for the subject "refused-value" \(HTTP 409: .*Incompatible/
    })
    await assert.rejects(client().register('other-value', '{"type":'), { code: 'CONFIG_INVALID', message: /HTTP 422/ })
  })

  test('TLS with an own authority, a user and a token', async t => {
    const { key, cert, certFile } = await certificate()
    const accepted = new Set(['Basic aGllcmF4OnPDqWNyZXQ6', 'Bearer abc'])
    const proxy = https.createServer({ key, cert }, (asked, answer) => {
      if (!accepted.has(asked.headers.authorization ?? '')) return answer.writeHead(401).end('<html>')
      const to = new URL(asked.url as string, running.url)
      const forwarded = http.request(to, { method: asked.method, headers: asked.headers }, reply => {
        answer.writeHead(reply.statusCode as number)
        reply.pipe(answer)
      })
      asked.pipe(forwarded)
    })
    t.after(() => proxy.close())
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const path = new URL(running.url).pathname
    const url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`
    const id = await client({ url, ca: certFile, username: 'hierax', password: 'sécret:' }).register('s', schema(x))
    assert.equal(await client({ url, ca: certFile, token: 'abc' }).lookUp('s', [schema(x)]), id)
    await assert.rejects(client({ url, token: 'abc' }).lookUp('s', [schema(x)]), {
      code: 'REGISTRY_UNAVAILABLE',
      message: /does not answer: .*self.signed/
    })
    const refused = await client({ url, ca: certFile, token: 'other' })
      .lookUp('s', [schema(x)])
      .catch(error => error)
    assert.match(refused.message, /answers with HTTP 401: no explanation/)
    assert.ok(refusesCredentials(refused))
  })
})

test('a registry that does not answer is named', async () => {
  const url = 'http://localhost:1/apis'
  await assert.rejects(client({ url }).register('s', schema(x)), {
    code: 'REGISTRY_UNAVAILABLE',
    message: /^The schema registry at http:\/\/localhost:1\/apis does not answer: .*ECONNREFUSED/
  })
})

test('an answer of something else is no id', async t => {
  const server = http.createServer((_, answer) => answer.end('{}'))
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await assert.rejects(client({ url }).register('s', schema(x)), { code: 'REGISTRY_UNAVAILABLE', message: /no id/ })
})
