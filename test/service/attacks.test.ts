import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Service } from '../../src/service/service.ts'
import { until } from '../support/until.ts'
import { World } from './support.ts'

/** Elsewhere a loopback address of its own has to be set up. */
const onlyLinux = process.platform !== 'linux' && 'needs a second loopback address, which only Linux has by itself'

/** A raw connection: what it got, and whether the server has closed it. */
class Raw {
  received = ''
  closed = false
  readonly socket: net.Socket

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1')
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

describe('management port', () => {
  it('has health checks and metrics, without a token, and nothing else', async () => {
    const service = await new World().service({ token: 'a-secret', management: { host: null, port: 0 } })
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

  it('is not there unless it is set', async () => {
    const service = await new World().service()
    assert.equal((await service.listen()).management, null)
    await service.close()
  })

  it('names its address if it is taken', async () => {
    const service = await new World().service()
    const { port } = await service.listen()
    const second = await new World().service({ management: { host: null, port } })
    await assert.rejects(second.listen(), { code: 'HTTP_UNAVAILABLE', message: /port \d+: EADDRINUSE/ })
    await Promise.all([service.close(), second.close()])
  })
})

describe('questions without end', () => {
  it('for metrics and health have a bound of their own', async t => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() }) // all of them within one minute, however long they take
    const service = await new World().service({ requestsPerMinute: 1 })
    const statuses = new Set<number>()
    for (let index = 0; index < 6100; index++) statuses.add((await service.app.inject({ url: '/metrics' })).statusCode)
    assert.deepEqual([...statuses], [200, 429])
    assert.equal((await service.app.inject({ url: '/health/live' })).statusCode, 200, 'one does not use up the other')
    await service.close()
  })
})
