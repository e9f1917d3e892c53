import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Service } from '../../src/service/service.ts'
import { World } from './support.ts'

/*
 * A tester of whole APIs waits for the end of an answer, and an event stream has none: `api-contract.test.ts` leaves it
 * out. Here it is held against the document by itself: every parameter at and beyond its bounds, each answer read as far
 * as its first events, and these compared with the routes whose documented answers they repeat.
 */

interface Schema {
  readonly type: 'string' | 'number'
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
}

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>
}

/** Values that a schema allows, and values that it does not. */
function valuesOf({ type, enum: values, minimum, maximum, minLength, maxLength }: Schema) {
  if (values) return { good: values, bad: ['', 'no such', `${values[0]} `] }
  if (type === 'number') {
    const [least = 0, most = 1] = [minimum, maximum]
    return {
      good: [least, most, (least + most) / 2].map(String),
      bad: [least - 0.01, most * 2 + 1, 'much', ''].map(String)
    }
  }
  return { good: ['x'.repeat(minLength ?? 1), '★'.repeat(maxLength ?? 1)], bad: ['', 'x'.repeat((maxLength ?? 1) + 1)] }
}

/** What comes until it holds an event of each name. */
async function beginning(response: Response, names: readonly string[]): Promise<string> {
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    if (names.every(name => new RegExp(`^event: ${name}\\ndata: .*\\n\\n`, 'm').test(text))) break
  }
  return text
}

describe('the event stream, held against the document', { timeout: 900_000 }, () => {
  const world = new World()
  let service: Service
  let url = ''
  let operation: Operation

  before(async () => {
    service = await world.service({ requestsPerMinute: 10_000 })
    url = (await service.listen()).url
    const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, { get: Operation }>
    }
    const described = document.paths['/api/v1/events']
    assert.ok(described)
    operation = described.get
  })
  after(() => service.close())

  const ask = (query: Record<string, string>) => fetch(`${url}/api/v1/events?${new URLSearchParams(query)}`)

  it('answers every parameter at its bounds, and beyond them, as is written', async () => {
    assert.ok(operation.parameters.length >= 8)
    for (const { name, schema } of operation.parameters) {
      const { good, bad } = valuesOf(schema)
      for (const [values, allowed] of [
        // A name that is well formed may be of nothing that is there.
        [good, ['200', '404']],
        [bad, ['400']]
      ] as const) {
        for (const value of values) {
          const response = await ask({ [name]: value })
          const where = `${name}=${value}: ${response.status}`
          assert.ok((allowed as readonly string[]).includes(String(response.status)), where)
          const documented = operation.responses[response.status]
          assert.ok(documented, where)
          const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
          assert.deepEqual(Object.keys(documented.content), [type], where)
          if (response.status === 200) await response.body?.cancel()
          else assert.equal(((await response.json()) as { status: number }).status, response.status, where)
        }
      }
    }
    const response = await ask({ unheard: 'of' })
    assert.equal(response.status, 400)
    await response.body?.cancel()
  })

  it('brings classifications and statistics as the documented routes give them', async () => {
    const response = await ask({ statistics: '0.5' })
    world.publish(1, 7)
    const text = await beginning(response, ['classification', 'statistics'])
    const data = (name: string) => JSON.parse(new RegExp(`^event: ${name}\\ndata: (.*)$`, 'm').exec(text)?.[1] ?? '')
    const recent = (await (await fetch(`${url}/api/v1/recent?limit=1`)).json()) as unknown[]
    assert.deepEqual(data('classification'), recent[0])
    const statistics = await (await fetch(`${url}/api/v1/statistics`)).json()
    const { published, accepted, sent, ...rest } = data('statistics')
    assert.deepEqual(rest, statistics)
    for (const count of [published, accepted, sent]) assert.ok(Number.isInteger(count))
  })

  it('answers other methods with 405', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${url}/api/v1/events`, { method })
      assert.equal(response.status, 405, method)
      await response.body?.cancel()
    }
  })
})
