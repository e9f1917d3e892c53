import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { startSource, until } from './source-harness.ts'

test('a cluster that accepts connections and never answers is waited for, and the source can be stopped', async () => {
  const sockets: net.Socket[] = []
  const server = net.createServer(socket => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const connection = { brokers: [`127.0.0.1:${port}`], ssl: false, sasl: null, clientId: 'hierax-test' }
  // Longer than one attempt, shorter than two: if silence counted as a crash, the third attempt would be the last.
  const running = startSource(connection, { group: 'g', topics: ['t'], limits: { crashes: 2, crashSpan: 8000 } })
  let ended = false
  running.ended.then(
    () => undefined,
    () => {
      ended = true
    }
  )
  try {
    // Each attempt has a connection of its own.
    await until('a fourth attempt', () => sockets.length >= 4 || ended)
    assert.equal(ended, false)
    assert.deepEqual(running.source.health(), { ready: false, reason: 'connecting' })
    await running.source.stop()
    await running.ended
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
