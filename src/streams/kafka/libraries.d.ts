// Types of a library that has none.

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
