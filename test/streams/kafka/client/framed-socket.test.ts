import assert from 'node:assert/strict'
import net from 'node:net'
import { suite, test } from 'node:test'
import tls from 'node:tls'
import fc from 'fast-check'
import { askForNoTopics, framedSockets, ResponseAssembler } from '../../../../src/streams/kafka/client/framed-socket.ts'
import type { Security } from '../../../../src/streams/kafka/client/security-hints.ts'
import { certificate } from '../../../support/certificates.ts'

function response(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(4 + length, fill)
  bytes.writeInt32BE(length)
  return bytes
}

suite('responses of a broker', () => {
  test('come out whole, however they were cut on the way', () => {
    const lengths = fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 65_000, max: 200_000 })), { maxLength: 8 })
    const cuts = fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(lengths, cuts, (sizes, steps) => {
        const sent = sizes.map((size, index) => response(size, index + 1))
        const stream = Buffer.concat(sent)
        const got: Buffer[] = []
        const assembler = new ResponseAssembler(bytes => void got.push(bytes))
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          // A long response is read into its place, and all else to where it is overwritten.
          const space = assembler.space()
          const step = Math.min(steps[turn % steps.length] ?? 1, stream.length - at, space.length)
          stream.copy(space, 0, at, at + step)
          assembler.take(space.subarray(0, step))
          at += step
        }
        assert.equal(got.length, sent.length)
        for (const [index, bytes] of got.entries()) assert.ok(bytes.equals(sent[index] as Buffer))
      }),
      { numRuns: 200 }
    )
  })

  test('that may be kept by whoever gets them have memory of their own', () => {
    const got: Buffer[] = []
    const assembler = new ResponseAssembler(bytes => void got.push(bytes))
    for (let turn = 1; turn <= 3; turn++) assembler.take(response(turn === 1 ? 100_000 : 500, turn))
    assert.deepEqual(
      got.map(bytes => bytes[4]),
      [1, 2, 3]
    )
  })

  test('that claim more than any fetch asks for pass in pieces, and what follows is whole again', () => {
    const got: Buffer[] = []
    const assembler = new ResponseAssembler(bytes => void got.push(bytes))
    const length = 65 * 1024 * 1024
    const head = Buffer.alloc(4)
    head.writeInt32BE(length)
    assembler.take(head)
    const piece = Buffer.alloc(1024 * 1024, 7)
    for (let i = 0; i < 65; i++) assembler.take(piece)
    assembler.take(response(10, 9))
    assert.equal(
      got.slice(0, -1).reduce((sum, bytes) => sum + bytes.length, 0),
      4 + length
    )
    assert.ok(got.at(-1)?.equals(response(10, 9)))
  })
})

suite('a request for metadata', () => {
  /** As on the wire: length, key, version, number, client's id, topics (-1: all). */
  function request(key: number, version: number, topics: readonly string[] | null, clientId = 'hierax'): Buffer {
    const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)])
    const head = [int16(key), int16(version), int32(7), text(clientId)]
    const body = Buffer.concat([...head, int32(topics === null ? -1 : topics.length), ...(topics ?? []).map(text)])
    return Buffer.concat([int32(body.length), body, Buffer.from([0])])
  }
  const int16 = (value: number) => Buffer.from(Int16Array.of(value).buffer).swap16()
  const int32 = (value: number) => Buffer.from(Int32Array.of(value).buffer).swap32()
  const asked = (bytes: Buffer) => {
    const copy = Buffer.from(bytes)
    askForNoTopics(copy)
    return copy
  }

  test('of all topics becomes one of none', () => {
    for (const clientId of ['hierax', '', 'another client']) {
      assert.deepEqual(asked(request(3, 6, null, clientId)), request(3, 6, [], clientId))
    }
  })

  test('of some topics, and what is none, stays as it is', () => {
    // Version 0 knows no other way to ask for the brokers.
    const others = [
      request(3, 6, ['a', 'b']),
      request(3, 0, null),
      request(1, 6, null),
      Buffer.alloc(0),
      Buffer.alloc(9)
    ]
    for (const bytes of [...others, request(3, 6, null).subarray(0, 20)]) assert.deepEqual(asked(bytes), bytes)
  })
})

const { key, cert } = await certificate()

/** A server for as long as `use` takes, and a way to it. */
async function serving(
  secure: boolean,
  answer: (socket: net.Socket) => void,
  use: (connect: () => net.Socket) => Promise<void>
): Promise<void> {
  const server = secure ? tls.createServer({ key, cert }, answer) : net.createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const ssl = (secure ? { ca: [cert] } : undefined) as never
  try {
    await use(() =>
      framedSockets({ ssl: ssl ? {} : false, sasl: null })({ host: '127.0.0.1', port, ssl, onConnect: () => {} })
    )
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
}

for (const secure of [false, true]) {
  suite(`a socket ${secure ? 'with' : 'without'} TLS`, () => {
    test('gives one piece a response, and tells its end', async () => {
      const sent = [response(200_000, 1), response(3, 2), response(50, 3)]
      const [large, small, cut] = sent as [Buffer, Buffer, Buffer]
      const answer = (socket: net.Socket) => {
        socket.write(large)
        socket.write(small)
        // The rest is written when the first half has gone out, so that they are two records of TLS.
        socket.write(cut.subarray(0, 20), () => setTimeout(() => socket.end(cut.subarray(20)), 20))
      }
      await serving(secure, answer, async connect => {
        const got: Buffer[] = []
        await new Promise<void>((resolve, reject) => {
          const socket = connect()
          socket.on('data', bytes => void got.push(Buffer.from(bytes)))
          socket.on('end', resolve)
          socket.on('error', reject)
        })
        assert.deepEqual(
          got.map(bytes => bytes.length),
          sent.map(bytes => bytes.length)
        )
        for (const [index, bytes] of got.entries()) assert.ok(bytes.equals(sent[index] as Buffer))
      })
    })

    test('keeps half a response of a connection that broke to itself', async () => {
      const half = (socket: net.Socket) => {
        socket.write(response(50, 1).subarray(0, 20), () => setTimeout(() => socket.destroy(), 20))
      }
      await serving(secure, half, async connect => {
        let pieces = 0
        const socket = connect()
        socket.on('data', () => pieces++)
        socket.on('error', () => undefined)
        await new Promise(resolve => socket.on('close', resolve))
        assert.ok(socket.bytesRead >= 20)
        assert.equal(pieces, 0)
      })
    })

    test('tells that a connection is refused', async () => {
      let refused: (() => net.Socket) | undefined
      await serving(
        secure,
        () => undefined,
        async connect => {
          refused = connect
        }
      )
      const error = await new Promise<NodeJS.ErrnoException>(resolve => refused?.().on('error', resolve))
      assert.equal(error.code, 'ECONNREFUSED')
    })
  })
}

suite('until a cluster has answered, an error names the setting', () => {
  const sasl = { mechanism: 'plain', username: 'a', password: 'b' } as const

  /** The errors of two connections, one after the other, with a server that does this to each. */
  async function errors(
    security: Pick<Security, 'ssl' | 'sasl'>,
    answers: readonly ((socket: net.Socket) => void)[],
    role: 'input' | 'output' = 'input'
  ): Promise<string[]> {
    let connections = 0
    const server = net.createServer(socket => {
      socket.on('error', () => undefined)
      socket.once('data', () => answers[connections++]?.(socket))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const connect = framedSockets({ ...security, role })
    const messages: string[] = []
    for (const _ of answers) {
      const socket = connect({
        host: '127.0.0.1',
        port,
        ssl: (security.ssl ? {} : undefined) as never,
        onConnect: () => {}
      })
      if (!security.ssl) socket.write('request')
      socket.on('error', error => messages.push(error.message))
      socket.on('end', () => socket.destroy())
      await new Promise(resolve => socket.on('close', resolve))
    }
    await new Promise(resolve => server.close(resolve))
    return messages
  }

  const alert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50])
  const end =
    (...sent: Buffer[]) =>
    (socket: net.Socket) =>
      void socket.end(Buffer.concat(sent))

  test('for plain text on a port with TLS', async () => {
    for (const answer of [end(alert), end()])
      assert.match(String(await errors({ ssl: false, sasl }, [answer])), /expects TLS.*set input\.ssl/)
  })

  test('for TLS on a port without it', async () => {
    for (const answer of [end(), end(response(10, 1)), end(Buffer.from('HTTP/1.1 400 Bad Request'))])
      assert.match(String(await errors({ ssl: true, sasl: null }, [answer], 'output')), /TLS.*remove output\.ssl/)
  })

  test('for no credentials on a port with SASL', async () => {
    assert.match(String(await errors({ ssl: false, sasl: null }, [end(response(9, 1))])), /set input\.sasl/)
    assert.deepEqual(await errors({ ssl: false, sasl }, [end(response(9, 1))]), [])
  })

  test('and not after it has answered', async () => {
    const working = end(response(9, 1), response(9, 2))
    assert.deepEqual(await errors({ ssl: false, sasl: null }, [working, end(), end(response(9, 1))]), [])
  })
})
