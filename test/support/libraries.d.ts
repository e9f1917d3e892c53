// Types for a library without its own.

declare module 'snappyjs' {
  interface SnappyJS {
    /** Returns a Buffer for a Buffer. Throws if it is damaged or would inflate to more than `maxLength` bytes. */
    uncompress(compressed: Buffer, maxLength?: number): Buffer
    compress(uncompressed: Buffer): Buffer
  }
  const snappyjs: SnappyJS
  export default snappyjs
}
