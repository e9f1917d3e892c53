/** Limits of the decoder. A packet that exceeds one is refused. */
export interface DecoderLimits {
  /** Bytes of one container. */
  readonly maxBytes: number
  /** Bytes of the embedded writer schema. */
  readonly maxSchemaBytes: number
  /** Types in the writer schema, including references to named types. */
  readonly maxSchemaNodes: number
  /** Nesting depth of types in the writer schema, and of values of a recursive type. */
  readonly maxDepth: number
  /** Writer schemas whose compiled readers are kept. */
  readonly maxSchemas: number
  /** Decompressed bytes of all blocks of one container (deflate, snappy). */
  readonly maxInflatedBytes: number
  /** Records in one container. */
  readonly maxRecords: number
  /** Bytes of one record. */
  readonly maxRecordBytes: number
  /** Points in the history (`prv_candidates`) of one record. */
  readonly maxHistory: number
  /** History points in all records of one container. */
  readonly maxPoints: number
  /** Bytes of each string that is read (`objectId`, `schemavsn`, `isdiffpos`). */
  readonly maxStringBytes: number
}

/** For comparison, real packets have up to 76 kB, a schema of 27 kB with about 400 types, 31 records, and histories of a few hundred points. */
export const defaultLimits: DecoderLimits = {
  maxBytes: 16 * 2 ** 20,
  maxSchemaBytes: 256 * 2 ** 10,
  maxSchemaNodes: 5_000,
  maxDepth: 64,
  maxSchemas: 64,
  maxInflatedBytes: 16 * 2 ** 20,
  maxRecords: 1_000,
  maxRecordBytes: 4 * 2 ** 20,
  maxHistory: 5_000,
  maxPoints: 100_000,
  maxStringBytes: 128
}
