import net from 'node:net'
import tls from 'node:tls'
import type { ISocketFactory } from 'kafkajs'
import type { FramePool } from './frame-pool.ts'
import { closingHint, hintFor, misfitOf, type Security } from './security-hints.ts'

/** Size of the shared read buffer, bytes. */
const readBytes = 64 * 1024
/** If at least this many bytes of a response are missing, they are read directly into its memory. */
const directBytes = 16 * 1024
/** Larger responses are passed on in pieces, so that a bogus length cannot cause an allocation. No fetch is that large. */
const largestBytes = 64 * 1024 * 1024
const lengthBytes = 4
const keepAlive = 60_000

/**
 * Assembles the responses on a connection to a broker (each is preceded by its length, 4 bytes). kafkajs gets each response as a whole, in
 * one buffer.
 *
 * Without it, Node allocates 64 kB for each read, and kafkajs copies these buffers into a new one. Here a long response is read directly into
 * its final memory ({@link space}), and all other reads share one buffer.
 */
export class ResponseAssembler {
  readonly #emit: (bytes: Buffer) => void
  readonly #allocate: (length: number) => Buffer
  readonly #shared = Buffer.allocUnsafeSlow(readBytes)
  readonly #length = Buffer.alloc(lengthBytes)
  /** The response with its length field; only that field until the length is known. */
  #frame: Buffer = this.#length
  #filled = 0
  /** Bytes of an oversized response still to be passed on. */
  #passing = 0

  /** `emit` gets a response preceded by its length, in a buffer from `allocate`. */
  constructor(emit: (bytes: Buffer) => void, allocate: (length: number) => Buffer = Buffer.allocUnsafe) {
    this.#emit = emit
    this.#allocate = allocate
  }

  /** The buffer into which to read the next bytes, for {@link take}. */
  space(): Buffer {
    return this.#frame.length - this.#filled >= directBytes ? this.#frame.subarray(this.#filled) : this.#shared
  }

  /** Takes received bytes. Unless they are in the {@link space} given last, their memory may be reused afterwards. */
  take(bytes: Uint8Array): void {
    const inPlace = bytes.buffer === this.#frame.buffer && bytes.byteOffset === this.#frame.byteOffset + this.#filled
    for (let at = 0; at < bytes.length; ) {
      if (this.#passing > 0) {
        const piece = Buffer.from(bytes.subarray(at, at + this.#passing))
        this.#passing -= piece.length
        at += piece.length
        this.#emit(piece)
        continue
      }
      const part = bytes.subarray(at, at + this.#frame.length - this.#filled)
      if (!inPlace) this.#frame.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === this.#frame.length) this.#full()
    }
  }

  #full(): void {
    const frame = this.#frame
    const length = frame === this.#length ? frame.readInt32BE() : 0
    if (length > 0 && length <= largestBytes) {
      this.#frame = this.#allocate(lengthBytes + length)
      frame.copy(this.#frame)
      return
    }
    this.#frame = this.#length
    this.#filled = 0
    this.#passing = Math.max(0, length)
    this.#emit(frame === this.#length ? Buffer.from(frame) : frame)
  }
}

const metadataKey = 3
/** Offset of the client id: after the request's length, API key, API version and correlation id. */
const clientIdAt = 12

/**
 * Turns a request for the metadata of *all* topics into one for none, in place; leaves any other request unchanged.
 *
 * kafkajs asks for all topics when it only needs the brokers: before an idempotent producer gets its id, before a topic is
 * created or deleted. That fails if any partition in the cluster has no leader, and the response is
 * large. From version 1 on, -1 topics means all and 0 means none.
 */
export function askForNoTopics(request: Buffer): void {
  if (request.length < clientIdAt + 2) return
  if (request.readInt16BE(4) !== metadataKey || request.readInt16BE(6) < 1) return
  const topicsAt = clientIdAt + 2 + Math.max(0, request.readInt16BE(clientIdAt))
  if (request.length >= topicsAt + 4 && request.readInt32BE(topicsAt) === -1) request.writeInt32BE(0, topicsAt)
}

/** How a TLS alert begins: type and major version. A TLS server sends one when it receives plain text. */
const tlsAlert = [0x15, 0x03]

/**
 * Creates kafkajs's sockets, which read through a {@link ResponseAssembler}. It drops a partial response with its broken connection; kafkajs
 * would prepend it to the first response of the next connection. No request on these sockets asks for the metadata of all topics
 * ({@link askForNoTopics}), so `listTopics` finds none. Until the cluster has answered, errors name the setting that may be wrong.
 *
 * @param frames the pool into which long responses are read; without it, each gets new memory
 */
export function framedSockets(security: Security, frames?: FramePool): ISocketFactory {
  // If one connection works, the settings are right, and later failures have other causes.
  let proven = false
  return ({ host, port, ssl, onConnect }) => {
    let answers = 0
    const responses = new ResponseAssembler(bytes => {
      proven ||= ++answers > 1
      socket.emit('data', bytes)
    }, frames?.take.bind(frames))
    const onread = {
      buffer: () => responses.space(),
      callback(length: number, bytes: Uint8Array) {
        if (!ssl && answers === 0 && tlsAlert.every((byte, at) => bytes[at] === byte)) {
          socket.destroy(Object.assign(new Error('the answer is a TLS alert'), { code: 'TLS_WANTED' }))
          return false
        }
        responses.take(bytes.subarray(0, length))
        return true
      }
    }
    const options = { host, port, onread }
    const socket: net.Socket = ssl
      ? tls.connect({ ...options, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : net.connect(options, onConnect)
    socket.setKeepAlive(true, keepAlive)
    // These listeners come before those of kafkajs.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const misfit = misfitOf(error.code)
      const wasCut = error.code === 'ECONNRESET' && !proven
      const hint = misfit ? hintFor(misfit, security) : wasCut ? closingHint(answers, security) : null
      if (hint !== null) error.message = `${error.message.trim()} (${hint})`
    })
    socket.on('end', () => {
      const hint = proven ? null : closingHint(answers, security)
      if (hint !== null) socket.emit('error', new Error(`the broker closed the connection (${hint})`))
    })
    const write = socket.write
    // kafkajs writes each request in one call.
    socket.write = ((...args: unknown[]) => {
      if (Buffer.isBuffer(args[0])) askForNoTopics(args[0])
      return Reflect.apply(write, socket, args) as boolean
    }) as typeof socket.write
    return socket
  }
}
