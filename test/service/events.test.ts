import assert from 'node:assert/strict'
import net from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { classification } from '../../src/service/schema/examples.ts'
import type { Service, ServiceOptions } from '../../src/service/service.ts'
import { World } from './support.ts'

/** Waits until something holds; the test's own time limit ends it otherwise. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5)
}

/** A subscriber that keeps what it reads. */
class Client {
  text = ''
  ended = false
  readonly #abort = new AbortController()

  static async open(url: string): Promise<Client> {
    const client = new Client()
    const response = await fetch(url, { signal: client.#abort.signal })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    void client.#read(response)
    return client
  }

  get ids(): string[] {
    return this.events('classification').map(data => JSON.parse(data).id)
  }

  events(name: string): string[] {
    const blocks = this.text.split('\n\n').slice(0, -1)
    const own = blocks.filter(block => block.startsWith(`event: ${name}\n`))
    return own.map(block => block.slice(block.indexOf('data: ') + 'data: '.length))
  }

  close(): void {
    this.#abort.abort()
  }

  async #read(response: Response): Promise<void> {
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        this.text += Buffer.from(chunk).toString()
      }
    } catch {
      // Aborted, or cut.
    }
    this.ended = true
  }
}

const deafSockets: net.Socket[] = []

/** A subscriber on a bare socket, which is paused and reads nothing. */
async function openDeaf(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  deafSockets.push(socket)
  socket.on('error', () => {})
  await new Promise<void>(resolve => socket.once('connect', resolve))
  socket.pause()
  socket.write('GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n')
  return socket
}

describe('event stream', { timeout: 900_000 }, () => {
  let world: World
  let service: Service

  async function start(events: ServiceOptions['events'] = {}): Promise<{ url: string; port: number }> {
    world = new World()
    service = await world.service({ events })
    const { url, port } = await service.listen()
    return { url: `${url}/api/v1/events`, port }
  }
  afterEach(async () => {
    for (const socket of deafSockets.splice(0)) socket.destroy()
    await service.close()
  })

  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      service.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
    )

  it('brings one event a classification to every client', async () => {
    const { url } = await start()
    world.publish(3, 0)
    const clients = await Promise.all([Client.open(url), Client.open(url)])
    world.publish(50, 100)
    const expected = Array.from({ length: 50 }, (_, index) => `id-${100 + index}`)
    for (const client of clients) {
      await until(() => client.ids.length >= 50)
      assert.deepEqual(client.ids, expected)
      assert.match(client.text, /^retry: 3000\n/)
    }
    for (const client of clients) client.close()
  })

  it('writes no line break of a message into the stream', async () => {
    const { url } = await start()
    const client = await Client.open(url)
    world.publish(1, 0, '\n\nevent: forged\r')
    await until(() => client.ids.length === 1)
    assert.equal(client.ids[0], 'id-0\n\nevent: forged\r')
    assert.deepEqual(client.events('forged'), [])
    client.close()
  })

  it('listens only while somebody does, whatever the number', async () => {
    const { url } = await start()
    assert.equal(world.listeners, 0)
    const clients = await Promise.all([Client.open(url), Client.open(url), Client.open(url)])
    assert.equal(world.listeners, 1)
    clients[0]?.close()
    clients[1]?.close()
    await until(async () => (await connections()) === 1)
    world.publish(1)
    await until(() => clients[2]?.ids.length === 1)
    assert.equal(world.listeners, 1)
    clients[2]?.close()
    await until(() => world.listeners === 0)
    const again = await Client.open(url)
    assert.equal(world.listeners, 1)
    again.close()
  })

  it('sends a client what its filter lets pass, and of it a sample', async () => {
    const { url } = await start()
    const [chosen, few, none] = await Promise.all([
      Client.open(`${url}?band=r&status=CLASSIFIED`),
      Client.open(`${url}?sample=20&statistics=0.5`),
      Client.open(`${url}?band=i&sample=20&follow=${classification.objectId}`)
    ])
    world.publish(100)
    await until(() => chosen.ids.length === 100 && few.ids.length > 0 && none.events('followed').length === 100)
    await until(() => few.events('statistics').some(data => JSON.parse(data).published === 100))
    const counted = few.events('statistics').map(data => JSON.parse(data) as Record<string, number>)
    const sum = (name: string) => counted.reduce((total, one) => total + (one[name] ?? 0), 0)
    assert.equal(sum('accepted'), 100)
    assert.ok(few.ids.length <= 5, `${few.ids.length} in one window`)
    assert.deepEqual(none.ids, [])
    for (const client of [chosen, few, none]) client.close()
  })

  it('refuses what it does not know', async () => {
    const { url } = await start()
    for (const query of ['sample=0', 'sample=x', 'statistics=0', 'band=u', 'minProbability=2', 'x=1']) {
      assert.equal((await fetch(`${url}?${query}`)).status, 400, query)
    }
    for (const query of ['node=none', 'model=none']) assert.equal((await fetch(`${url}?${query}`)).status, 404, query)
    assert.equal(world.listeners, 0)
  })

  it('keeps a quiet connection open', async () => {
    const { url } = await start({ keepAliveMs: 20 })
    const client = await Client.open(url)
    await until(() => client.text.split(': keep-alive\n\n').length > 3)
    client.close()
  })

  it('refuses more clients than it may have', async () => {
    const { url } = await start({ maxSubscribers: 2 })
    const clients = [await Client.open(url), await Client.open(url)]
    const refused = await fetch(url)
    assert.equal(refused.status, 503)
    assert.equal(((await refused.json()) as { code: string }).code, 'TOO_MANY_SUBSCRIBERS')
    clients[0]?.close()
    let again = await fetch(url)
    while (again.status === 503) again = await fetch(url)
    assert.equal(again.status, 200)
    await again.body?.cancel()
    clients[1]?.close()
  })

  it('drops events for a client that does not read, and tells it how many', async () => {
    const { url, port } = await start({ maxBufferBytes: 64 * 1024 })
    const deaf = await openDeaf(port)
    await until(() => world.listeners === 1)
    const quick = await Client.open(url)
    const before = process.memoryUsage()
    // 100 MB for each client: far more than sockets and buffers hold.
    const padding = 'x'.repeat(10_000)
    for (let round = 0; round < 1000; round++) {
      world.publish(10, round * 10, padding)
      await sleep(0)
    }
    const after = process.memoryUsage()
    quick.close()
    assert.ok(after.arrayBuffers - before.arrayBuffers < 40e6, `${after.arrayBuffers - before.arrayBuffers} bytes kept`)
    let text = ''
    deaf.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    deaf.resume()
    // Until there is room, this one is dropped as well.
    let said = 10_000
    do {
      world.publish(1, 1_000_000 + said++)
      await sleep(100)
    } while (!text.includes(`"id-${1_000_000 + said - 1}"`))
    const dropped = [...text.matchAll(/event: dropped\r?\ndata: \{"count":(\d+)\}/g)].map(([, count]) => Number(count))
    const received = text.split('event: classification\n').length - 1
    assert.ok(dropped.length > 0)
    assert.equal(received + dropped.reduce((sum, count) => sum + count, 0), said)
    deaf.destroy()
  })

  it('disconnects a client that never reads', async () => {
    const { port } = await start({ keepAliveMs: 20, stallMs: 100 })
    const deaf = await openDeaf(port)
    await until(() => world.listeners === 1)
    const closed = new Promise(resolve => deaf.once('close', resolve))
    const padding = 'x'.repeat(100_000)
    while (world.listeners === 1) {
      world.publish(10, 0, padding)
      await sleep(5)
    }
    deaf.resume()
    await closed
  })

  it('ends when the service closes, even for a client that never reads', async () => {
    const { url, port } = await start()
    const deaf = await openDeaf(port)
    await until(() => world.listeners === 1)
    const client = await Client.open(url)
    world.publish(90, 0, 'x'.repeat(100_000))
    await service.close()
    await until(() => client.ended)
    assert.equal(world.listeners, 0)
    deaf.destroy()
  })
})
