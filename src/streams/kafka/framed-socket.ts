import net from 'node:net'
import tls from 'node:tls'
import type { ISocketFactory } from 'kafkajs'

/** Bytes that are read from the system at once. */
const readBytes = 256 * 1024
/** Smaller responses are copied: their memory comes from Node's pool or costs next to nothing. */
const smallBytes = 64 * 1024
/** Larger ones are passed on in pieces: no fetch asks for as much, and nobody may make us allocate what it claims. */
const largestBytes = 64 * 1024 * 1024
const lengthBytes = 4
const keepAlive = 60_000

/**
 * Puts the responses on a connection to a broker together (each is preceded by its length, 4 bytes), so that kafkajs gets
 * every one as a whole.
 *
 * Memory is what this is about. Node makes a buffer of 64 kB for each read, and kafkajs collects them and copies them into
 * one: 2 × 67 kB of new memory an alert, to which V8 answers with a collection of the whole heap every few hundred
 * alerts. Here one memory is read into over and over, a second one holds the response, and only kafkajs's copy is new.
 */
export class ResponseAssembler {
  readonly #emit: (bytes: Buffer) => void
  #frame = Buffer.alloc(lengthBytes)
  #filled = 0
  /** Bytes of the response with its length; of the length alone until that is known. */
  #size = lengthBytes
  /** Bytes of a response too large to be held, still to be passed on. */
  #passing = 0
  /** kafkajs keeps the first piece of a connection as it is; it copies whatever follows. */
  #first = true

  /** `emit` gets a response with its length before it; the bytes are good until it returns. */
  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit
  }

  /** Takes what came in; its memory may be used again afterwards. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#passing > 0) {
        const piece = Buffer.from(bytes.subarray(at, at + this.#passing))
        this.#passing -= piece.length
        at += piece.length
        this.#emit(piece)
        continue
      }
      const part = bytes.subarray(at, at + this.#size - this.#filled)
      this.#frame.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === this.#size) this.#full()
    }
  }

  #full(): void {
    const length = this.#size === lengthBytes ? this.#frame.readInt32BE() : 0
    if (length > 0 && length <= largestBytes) this.#hold(lengthBytes + length)
    else this.#pass(Math.max(0, length))
  }

  /** Hands on what is there; `further` bytes of the same response follow in pieces. */
  #pass(further: number): void {
    const whole = this.#frame.subarray(0, this.#size)
    const lasting = this.#first || this.#size <= smallBytes
    this.#first = false
    this.#filled = 0
    this.#size = lengthBytes
    this.#passing = further
    this.#emit(lasting ? Buffer.from(whole) : whole)
  }

  #hold(size: number): void {
    this.#size = size
    if (this.#frame.length >= size) return
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#frame.length))
    this.#frame.copy(larger, 0, 0, this.#filled)
    this.#frame = larger
  }
}

const metadataKey = 3
/** Where the client's id begins: after the request's length, its key, its version and its number. */
const clientIdAt = 12

/**
 * Makes a request for the metadata of *all* topics one for none, in place; leaves any other as it is.
 *
 * kafkajs asks for all whenever it wants to know nothing but the brokers: before an idempotent producer gets its number,
 * before a topic is made or removed. It then fails where a single partition of a topic that nobody here uses has no leader, and
 * with many topics the answer is long. From version 1 on, -1 topics are all of them and 0 are none.
 */
export function askForNoTopics(request: Buffer): void {
  if (request.length < clientIdAt + 2) return
  if (request.readInt16BE(4) !== metadataKey || request.readInt16BE(6) < 1) return
  const topicsAt = clientIdAt + 2 + Math.max(0, request.readInt16BE(clientIdAt))
  if (request.length >= topicsAt + 4 && request.readInt32BE(topicsAt) === -1) request.writeInt32BE(0, topicsAt)
}

/**
 * kafkajs's sockets, which read through a {@link ResponseAssembler}: what a connection that broke has of a response goes with it,
 * where kafkajs would put it before the first response of the next one. No request on them asks for the metadata of all
 * topics ({@link askForNoTopics}): `listTopics` finds none.
 */
export const framedSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const responses = new ResponseAssembler(bytes => void socket.emit('data', bytes))
  const onread = {
    buffer: Buffer.allocUnsafeSlow(readBytes),
    callback(length: number, bytes: Uint8Array) {
      responses.take(bytes.subarray(0, length))
      return true
    }
  }
  const options = { host, port, onread }
  const socket: net.Socket = ssl
    ? tls.connect({ ...options, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : net.connect(options, onConnect)
  socket.setKeepAlive(true, keepAlive)
  const write = socket.write
  // kafkajs writes one request at once.
  socket.write = ((...args: unknown[]) => {
    if (Buffer.isBuffer(args[0])) askForNoTopics(args[0])
    return Reflect.apply(write, socket, args) as boolean
  }) as typeof socket.write
  return socket
}
