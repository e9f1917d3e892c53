import { once } from 'node:events'
import net from 'node:net'

/**
 * A port of the loopback interface that is free at present. It lies below the range from which the system takes the ports of
 * outgoing connections, so that none of them takes it before it is used, or while its server is restarted.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    const server = net.createServer()
    const free = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error('There is no free port on 127.0.0.1')
}
