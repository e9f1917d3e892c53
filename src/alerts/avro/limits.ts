/**
 * Limits of the decoder. A packet that exceeds one is refused. For comparison, real packets have up to 76 kB, a schema of 27 kB with
 * about 400 types, 31 records, and histories of a few hundred points.
 */
export const defaultLimits = {
  /** Bytes of one container. */
  maxBytes: 16 * 2 ** 20,
  /** Bytes of the embedded writer schema. */
  maxSchemaBytes: 256 * 2 ** 10,
  /** Types in the writer schema, including references to named types. */
  maxSchemaNodes: 5_000,
  /** Nesting depth of types in the writer schema, and of values of a recursive type. */
  maxDepth: 64,
  /** Writer schemas whose compiled readers are kept. */
  maxSchemas: 64,
  /** Decompressed bytes of all blocks of one container (deflate, snappy, zstandard). */
  maxInflatedBytes: 16 * 2 ** 20,
  /** Records in one container. */
  maxRecords: 1_000,
  /** Bytes of one record. */
  maxRecordBytes: 4 * 2 ** 20,
  /** Points in the history (`prv_candidates`) of one record. */
  maxHistory: 5_000,
  /** History points in all records of one container. */
  maxPoints: 100_000,
  /** Bytes of each string that is read (`objectId`, `schemavsn`, `isdiffpos`). */
  maxStringBytes: 128,
  /** Bytes of each image (`cutoutScience` and others) that is read; longer ones are skipped. With 0, none is read. */
  maxCutoutBytes: 0
}

export type DecoderLimits = Readonly<typeof defaultLimits>
