import type { ZstdStreaming } from 'zstd-codec'

/** A new instance of zstd's WebAssembly module, for bytes in pieces. */
export async function openZstd(): Promise<ZstdStreaming> {
  const { default: zstdCodec } = await import('zstd-codec')
  return new Promise(resolve => zstdCodec.ZstdCodec.run(module => resolve(new module.Streaming())))
}
