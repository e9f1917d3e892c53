import { pointSize, readPoint, viewOf, writePoint } from './layout.ts'
import type { Observation } from './observation.ts'

/**
 * Observations on their way into a light curve, side by side in the bytes in which points are stored: a batch has thousands, and as objects
 * they cost more to make, keep and collect than their merge.
 */
export class Points implements Iterable<Observation> {
  readonly bytes: Buffer
  readonly length: number

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.length = bytes.length / pointSize
  }

  static of(observations: Iterable<Observation>): Points {
    if (observations instanceof Points) return observations
    shared.clear()
    for (const observation of observations) shared.add(observation)
    return shared.take()
  }

  *[Symbol.iterator](): Generator<Observation> {
    for (let index = 0; index < this.length; index++) yield readPoint(this.bytes, index * pointSize)
  }
}

/** Bytes that points of many packets share: memory of their own for a few hundred bytes would cost more than writing them. */
const chunkSize = 64 * 1024 - ((64 * 1024) % pointSize)

/** Writes points one after the other. */
export class PointWriter {
  private bytes = Buffer.alloc(0)
  private view = viewOf(this.bytes)
  private from = 0
  private to = 0

  /** Adds an observation, of a programme that it need not state itself. */
  add(observation: Observation, program = observation.program): void {
    this.makeRoom(pointSize)
    writePoint(this.view, this.to, observation, program)
    this.to += pointSize
  }

  /** Adds all points. */
  addAll({ bytes }: Points): void {
    this.copy(bytes, 0, bytes.length)
  }

  /** Adds the point at an index. */
  addOne({ bytes }: Points, index: number): void {
    this.copy(bytes, index * pointSize, (index + 1) * pointSize)
  }

  /** The points that were added since the last call. */
  take(): Points {
    const points = new Points(this.bytes.subarray(this.from, this.to))
    this.from = this.to
    return points
  }

  /** Drops the points that were not taken. */
  clear(): void {
    this.to = this.from
  }

  private copy(bytes: Buffer, from: number, to: number): void {
    this.makeRoom(to - from)
    bytes.copy(this.bytes, this.to, from, to)
    this.to += to - from
  }

  private makeRoom(size: number): void {
    if (this.to + size <= this.bytes.length) return
    const begun = this.to - this.from
    const next = Buffer.allocUnsafeSlow(Math.max(chunkSize, 2 * (begun + size)))
    this.bytes.copy(next, 0, this.from, this.to)
    this.bytes = next
    this.view = viewOf(next)
    this.from = 0
    this.to = begun
  }
}

const shared = new PointWriter()
