/** The images that come with an alert: of the exposure, of the reference, and their difference. */
export const cutoutKinds = ['science', 'template', 'difference'] as const
export type CutoutKind = (typeof cutoutKinds)[number]

/** The images of one alert as they are in the packet: FITS, compressed with gzip. */
export type Cutouts = Readonly<Partial<Record<CutoutKind, Uint8Array>>>

/** The images of an alert, to be kept. */
export interface AlertCutouts {
  readonly objectId: string
  readonly candid: bigint
  readonly programId: number
  readonly cutouts: Cutouts
}

/** Keeps the images of the latest alert of a limited number of objects. They can be lost: nothing else depends on them. */
export interface CutoutStore {
  /**
   * Replaces the images of these objects, which become the most recent. The least recent ones beyond the limit are dropped. The images are
   * views of packets, and are no longer read when this returns its promise.
   */
  put(alerts: readonly AlertCutouts[]): Promise<void>
  /** The images of an object; null if there are none. */
  get(objectId: string): Promise<AlertCutouts | null>
  /** The objects that have images, and the programme of their alerts; null if the images are damaged. In no particular order. */
  list(): AsyncIterable<{ readonly objectId: string; readonly programId: number | null }>
  /** Removes the images of objects. Resolves with the number of objects that had some. */
  remove(objectIds: readonly string[]): Promise<number>
  close(): Promise<void>
}

/** Largest image that is kept, bytes. Those of ZTF have up to 20 kB. */
export const maxCutoutBytes = 256 * 1024

/** Bytes before the images: `candid`, `programId`, and the length of each image. */
const headBytes = 8 + 4 + 4 * cutoutKinds.length

/** The images of an alert as bytes. */
export function encodeCutouts({ candid, programId, cutouts }: AlertCutouts): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeBigInt64BE(candid)
  head.writeInt32BE(programId, 8)
  const images = cutoutKinds.map(kind => cutouts[kind] ?? new Uint8Array())
  for (const [index, { length }] of images.entries()) head.writeUInt32BE(length, 12 + 4 * index)
  return Buffer.concat([head, ...images])
}

/** Bytes of the images of an alert from which `programOfCutouts` reads. */
export const programBytes = 12

/** The programme of the alert that images belong to, from their first bytes; null if these are damaged. */
export function programOfCutouts(bytes: Buffer): number | null {
  return bytes.length < programBytes ? null : bytes.readInt32BE(8)
}

/** The images of an alert from their bytes; null if these are damaged. */
export function decodeCutouts(objectId: string, bytes: Buffer | null): AlertCutouts | null {
  if (bytes === null || bytes.length < headBytes) return null
  const cutouts: Partial<Record<CutoutKind, Uint8Array>> = {}
  let start = headBytes
  for (const [index, kind] of cutoutKinds.entries()) {
    const end = start + bytes.readUInt32BE(12 + 4 * index)
    if (end > start) cutouts[kind] = bytes.subarray(start, end)
    start = end
  }
  if (start !== bytes.length) return null
  return { objectId, candid: bytes.readBigInt64BE(), programId: bytes.readInt32BE(8), cutouts }
}
