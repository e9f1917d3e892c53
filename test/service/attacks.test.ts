import assert from 'node:assert/strict'
import net from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Service } from '../../src/service/service.ts'
import { until } from '../support/until.ts'
import { World } from './support.ts'

/** The status line of a GET request over a connection of its own, from one of the loopback addresses; empty if it is closed before. */
async function statusFrom(localAddress: string, port: number, url: string): Promise<string> {
  const raw = new Raw(port, localAddress)
  raw.socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  await raw.end()
  return raw.received.split('\r\n')[0] as string
}

/** The value of a metric of a world. */
async function sample({ metrics }: World, name: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find(text => text.startsWith(`${name} `))
  return Number(line?.slice(name.length))
}

/** Elsewhere a loopback address of its own has to be set up. */
const onlyLinux = process.platform !== 'linux' && 'needs a second loopback address, which only Linux has by itself'

const sockets: net.Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A raw connection: what it got, and whether the server has closed it. */
class Raw {
  received = ''
  closed = false
  readonly socket: net.Socket

  constructor(port: number, localAddress?: string) {
    this.socket = net.connect({ port, host: '127.0.0.1', ...(localAddress === undefined ? {} : { localAddress }) })
    sockets.push(this.socket)
    this.socket.on('data', data => {
      this.received += data
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => {})
  }

  /** Waits until the server has closed it. */
  async end(): Promise<void> {
    await until(() => this.closed)
  }
}

describe('whoever reaches the port', () => {
  const world = new World()
  let service: Service
  let port: number
  const connections = { connections: 30, connectionsPerAddress: 20 }
  before(async () => {
    service = await world.service({ token: 'a-secret', connections })
    port = (await service.listen()).port
  })
  after(() => service.close())

  const status = async (url: string, init: RequestInit = {}): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}${url}`, { ...init, headers: { connection: 'close', ...init.headers } }))
      .status

  it('loses the connection when the head of a request never ends (slowloris)', async () => {
    const raw = new Raw(port)
    raw.socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
    const timer = setInterval(() => raw.socket.write('X-A: b\r\n'), 500)
    await raw.end()
    clearInterval(timer)
    assert.match(raw.received, /^HTTP\/1\.1 408 /)
  })

  it('loses the connection when the body of a request never ends', async () => {
    const raw = new Raw(port)
    raw.socket.write(
      'POST /api/v1/recent HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n'
    )
    const timer = setInterval(() => raw.socket.write('x'), 500)
    await raw.end()
    clearInterval(timer)
  })

  it('loses a connection on which nothing is sent', async () => {
    await new Raw(port).end()
  })

  it('gets a part of the connections only, and probes from elsewhere go on', { skip: onlyLinux }, async () => {
    const many = Array.from({ length: 40 }, () => new Raw(port))
    await until(() => many.filter(raw => !raw.closed).length <= connections.connectionsPerAddress)
    const elsewhere = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    elsewhere.write('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const [answer] = (await new Promise(resolve => elsewhere.once('data', data => resolve([String(data)])))) as [string]
    assert.match(answer, /^HTTP\/1\.1 200 /)
    for (const { socket } of many) socket.destroy()
    const { server } = service.app
    await until(async () => (await promisify(server.getConnections.bind(server))()) === 0)
    assert.equal(await status('/health/live'), 200, 'and gets them back when it lets go')
  })

  for (const [what, head, wanted] of [
    ['headers beyond the limit', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['ten thousand headers', `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(10_000)}\r\n`, 431],
    [
      'a request that smuggles another',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /',
      400
    ],
    ['a line break in the address', 'GET /a\nb HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a proxy request', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', null],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400]
  ] as const) {
    it(`is refused ${what}`, async () => {
      const raw = new Raw(port)
      raw.socket.write(head)
      await raw.end()
      if (wanted === null) assert.doesNotMatch(raw.received, /^HTTP\/1\.1 2/)
      else assert.match(raw.received, new RegExp(`^HTTP/1\\.1 ${wanted} `))
      assert.equal(await status('/health/live'), 200)
    })
  }

  it('reads no file that is not the page', async () => {
    const authorization = 'Bearer a-secret'
    for (const path of [
      '/assets/../../package.json',
      '/assets/..%2f..%2fpackage.json',
      '/assets/%2e%2e/%2e%2e/package.json',
      '/assets/..%5c..%5cpackage.json',
      '/assets/....//....//package.json',
      '/assets/%00',
      '//etc/passwd',
      '/api/docs/static/..%2f..%2f..%2f..%2fpackage.json',
      '/api/docs/static/%2e%2e/%2e%2e/%2e%2e/package.json',
      '/.git/config',
      '/package.json'
    ]) {
      const raw = new Raw(port)
      raw.socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`
      )
      await raw.end()
      assert.match(raw.received, /^HTTP\/1\.1 4\d\d /, path)
      assert.doesNotMatch(raw.received, /dependencies|root:x/, path)
    }
  })

  it('writes no line of its own into the log, and no secret is in it', async () => {
    world.lookup = async () => {
      throw new Error('the store is gone')
    }
    const evil = encodeURIComponent('x\n{"level":"fatal","msg":"forged"}\u001b[2J')
    assert.equal(await status(`/api/v1/objects/${evil}?`, { headers: { authorization: 'Bearer a-secret' } }), 500)
    assert.equal(await status('/api/v1/recent', { headers: { authorization: 'Bearer a-guess' } }), 401)
    assert.equal(
      await status('/api/v1/recent?token=a-secret'),
      401,
      'a token in the address does not count: addresses are logged by others'
    )
    const log = world.logged.join('')
    for (const line of log.trim().split('\n')) assert.equal(typeof JSON.parse(line), 'object')
    assert.doesNotMatch(log, /"msg":"forged"|a-secret|a-guess/)
    assert.ok(!log.includes('\u001b'))
  })

  it('learns nothing from an error of ours', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/objects/ZTF`, {
      headers: { authorization: 'Bearer a-secret', connection: 'close' }
    })
    assert.equal(answer.status, 500)
    const text = await answer.text()
    assert.doesNotMatch(text, /store is gone|\.ts|node_modules/)
    assert.equal(answer.headers.get('x-powered-by'), null)
    assert.equal(answer.headers.get('server'), null)
  })

  it('gets strict headers with every answer, errors included', async () => {
    for (const url of ['/', '/health/live', '/nothing', '/api/v1/recent']) {
      const { headers } = await fetch(`http://127.0.0.1:${port}${url}`, { headers: { connection: 'close' } })
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, url)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', url)
      assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/, url)
      assert.equal(headers.get('access-control-allow-origin'), null, url)
    }
  })
})

describe('many clients', { skip: onlyLinux }, () => {
  const attackers = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6']
  const halfRequest = 'GET / HTTP/1.1\r\nHost: x\r\n'

  it('with all connections of five addresses leave health checks their own, on either port', async t => {
    const world = new World()
    const service = await world.service({ management: { host: null, port: 0 } })
    t.after(() => service.close())
    const { port, management } = await service.listen()
    const many: Raw[] = []
    for (let round = 0; round < 250; round++) {
      for (const address of attackers) {
        const raw = new Raw(port, address)
        raw.socket.write(halfRequest)
        many.push(raw)
      }
      if (round % 50 === 49) await new Promise(resolve => setImmediate(resolve))
    }
    for (let round = 0; round < 5; round++) {
      assert.equal(await statusFrom('127.0.0.1', port, '/health/live'), 'HTTP/1.1 200 OK')
      assert.equal(await statusFrom('127.0.0.1', port, '/metrics'), 'HTTP/1.1 200 OK')
      assert.equal(await statusFrom('127.0.0.2', management?.port as number, '/health/ready'), 'HTTP/1.1 200 OK')
    }
    const refused = (reason: string) => sample(world, `hierax_http_refused_total{reason="${reason}"}`)
    await until(async () => (await refused('connections')) + (await refused('timeout')) >= 250)
    for (const { socket } of many) socket.destroy()
  })

  it('of one address get a share of the event streams', async t => {
    const world = new World()
    const events = { maxSubscribers: 6, maxSubscribersPerAddress: 3 }
    const service = await world.service({ events })
    t.after(() => service.close())
    const { port } = await service.listen()
    const open = async (address: string): Promise<Raw> => {
      const raw = new Raw(port, address)
      raw.socket.write('GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => raw.received.includes('\r\n\r\n') || raw.closed)
      return raw
    }
    const statusOf = ({ received }: Raw): string => received.slice(9, 12)
    const first = [await open('127.0.0.2'), await open('127.0.0.2'), await open('127.0.0.2')]
    const beyond = await open('127.0.0.2')
    assert.deepEqual([...first, beyond].map(statusOf), ['200', '200', '200', '503'])
    assert.match(beyond.received, /the maximum of 3 clients with one address/)
    const second = [await open('127.0.0.3'), await open('127.0.0.3'), await open('127.0.0.3')]
    assert.deepEqual(second.map(statusOf), ['200', '200', '200'])
    // All are taken: somebody else gets one of theirs.
    assert.equal(statusOf(await open('127.0.0.4')), '200')
    await until(() => [...first, ...second].filter(raw => raw.closed).length === 1)
    assert.equal(statusOf(await open('127.0.0.4')), '200')
    assert.equal(statusOf(await open('127.0.0.4')), '503', 'two each is fair')
    for (const [reason, count] of [
      ['address_streams', 1],
      ['stream_evicted', 2],
      ['streams', 1]
    ] as const)
      assert.equal(await sample(world, `hierax_http_refused_total{reason="${reason}"}`), count, reason)
  })

  it('behind a trusted proxy have their own limits; nobody else is believed', async t => {
    const world = new World()
    const service = await world.service({
      trustedProxies: ['127.0.0.8/30'],
      requestsPerMinute: 2,
      connections: { connections: 30, connectionsPerAddress: 2 }
    })
    t.after(() => service.close())
    const { port } = await service.listen()
    const ask = async (proxy: string, client: string): Promise<string> => {
      const raw = new Raw(port, proxy)
      raw.socket.write(
        `GET /api/v1/recent HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${client}\r\nConnection: close\r\n\r\n`
      )
      await raw.end()
      return raw.received.slice(9, 12)
    }
    const statuses: string[] = []
    for (const client of [
      '192.0.2.1',
      '192.0.2.1',
      '192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
      '2001:db8::2',
      '2001:db8::3'
    ])
      statuses.push(await ask('127.0.0.9', client))
    assert.deepEqual(statuses, ['200', '200', '429', '200', '200', '200', '429'], 'an IPv6 network is one client')
    for (const client of ['192.0.2.7', '192.0.2.8']) assert.equal(await ask('127.0.0.2', client), '200')
    assert.equal(await ask('127.0.0.2', '192.0.2.9'), '429')
    const open = Array.from({ length: 10 }, () => new Raw(port, '127.0.0.10'))
    await until(() => open.every(({ socket }) => !socket.connecting))
    assert.equal(await statusFrom('127.0.0.10', port, '/health/live'), 'HTTP/1.1 200 OK', 'a proxy has many clients')
    for (const { socket } of open) socket.destroy()
  })
})

describe('what is refused', () => {
  it('is counted, and logged at most once a minute', async t => {
    const world = new World()
    const service = await world.service({ token: 'right' })
    t.after(() => {
      t.mock.timers.reset()
      return service.close()
    })
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const get = (url: string) => service.app.inject({ url, remoteAddress: '192.0.2.1' })
    for (const url of [
      '/api/v1/recent',
      '/api/v1/model',
      '/api/v1/events',
      '/',
      '/api/docs/',
      '/nothing',
      '/health/live'
    ])
      await get(url)
    const lines = () => world.logged.map(line => JSON.parse(line)).filter(({ msg }) => /clients were refused/.test(msg))
    assert.deepEqual(
      lines().map(({ level, refused, lastAddress }) => ({ level, refused, lastAddress })),
      [{ level: 'warn', refused: { unauthorized_api: 1 }, lastAddress: '192.0.2.1' }]
    )
    t.mock.timers.tick(60_000)
    const rest = {
      unauthorized_api: 1,
      unauthorized_events: 1,
      unauthorized_page: 1,
      unauthorized_docs: 1,
      unauthorized_other: 1
    }
    assert.deepEqual(lines()[1].refused, rest)
    t.mock.timers.tick(600_000)
    assert.equal(lines().length, 2)
    assert.equal(await sample(world, 'hierax_http_unauthorized_total{route="api"}'), 2)
    assert.equal(await sample(world, 'hierax_http_unauthorized_total{route="other"}'), 1)
  })
})

describe('management port', () => {
  it('has health checks and metrics, without a token, and nothing else', async t => {
    const service = await new World().service({ token: 'a-secret', management: { host: null, port: 0 } })
    t.after(() => service.close())
    const { port, management } = await service.listen()
    assert.ok(management !== null && management.port !== port)
    const at = (url: string) => fetch(`${management.url}${url}`, { headers: { connection: 'close' } })
    for (const url of ['/health/live', '/health/ready', '/metrics']) assert.equal((await at(url)).status, 200, url)
    for (const url of ['/', '/api/v1/recent', '/api/v1/events', '/api/docs', '/assets/index.js', '/favicon.ico'])
      assert.equal((await at(url)).status, 404, url)
    assert.equal((await fetch(`${management.url}/metrics`, { method: 'POST' })).status, 405)
    await service.close()
    await assert.rejects(at('/health/live'))
  })

  it('is not there unless it is set', async t => {
    const service = await new World().service()
    t.after(() => service.close())
    assert.equal((await service.listen()).management, null)
  })

  it('names its address if it is taken', async t => {
    const service = await new World().service()
    t.after(() => service.close())
    const { port } = await service.listen()
    const second = await new World().service({ management: { host: null, port } })
    t.after(() => second.close())
    await assert.rejects(second.listen(), { code: 'HTTP_UNAVAILABLE', message: /port \d+: EADDRINUSE/ })
  })
})

describe('questions without end', () => {
  it('for metrics and health have a bound of their own', async t => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() }) // all of them within one minute, however long they take
    const service = await new World().service({ requestsPerMinute: 1 })
    t.after(() => service.close())
    const statuses = new Set<number>()
    for (let index = 0; index < 6100; index++) statuses.add((await service.app.inject({ url: '/metrics' })).statusCode)
    assert.deepEqual([...statuses], [200, 429])
    assert.equal((await service.app.inject({ url: '/health/live' })).statusCode, 200, 'one does not use up the other')
  })
})
