// Types of libraries that have none.

declare module 'zstd-codec' {
  export interface ZstdStreaming {
    /** Null on failure. `sizeHint`: bytes to allocate at first. */
    compressChunks(chunks: Iterable<Uint8Array>, sizeHint?: number, level?: number): Uint8Array | null
    /** Null when damaged. */
    decompressChunks(chunks: Iterable<Uint8Array>, sizeHint?: number): Uint8Array | null
  }
  interface ZstdModule {
    Streaming: new () => ZstdStreaming
  }
  const zstdCodec: { ZstdCodec: { run(callback: (module: ZstdModule) => void): void } }
  export default zstdCodec
}

declare module 'snappyjs' {
  interface SnappyJS {
    /** Returns a Buffer for a Buffer. Throws if it is damaged or would inflate to more than `maxLength` bytes. */
    uncompress(compressed: Buffer, maxLength?: number): Buffer
    compress(uncompressed: Buffer): Buffer
  }
  const snappyjs: SnappyJS
  export default snappyjs
}
