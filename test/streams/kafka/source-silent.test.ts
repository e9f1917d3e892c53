import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { startSource, until } from './source-harness.ts'

test('a cluster that takes connections and says nothing is waited for, and the source can be stopped', async () => {
  const sockets: net.Socket[] = []
  const server = net.createServer(socket => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const connection = { brokers: [`127.0.0.1:${port}`], ssl: false, sasl: null, clientId: 'hierax-test' }
  // Longer than one look, shorter than two: the third that fails would be the end if it counted.
  const running = startSource(connection, { group: 'g', topics: ['t'], limits: { crashes: 2, crashSpan: 8000 } })
  let ended = false
  running.ended.then(
    () => undefined,
    () => {
      ended = true
    }
  )
  try {
    // Each look has a connection of its own.
    await until('three looks and a fourth', () => sockets.length >= 4 || ended, 60_000)
    assert.equal(ended, false)
    assert.deepEqual(running.source.health(), { ready: false, reason: 'connecting' })
    const began = performance.now()
    await running.source.stop()
    assert.ok(performance.now() - began < 20_000)
    await running.ended
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
