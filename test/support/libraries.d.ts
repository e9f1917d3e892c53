// Types of a library that has none.

declare module 'snappyjs' {
  interface SnappyJS {
    /** A Buffer gives a Buffer. Throws when damaged, or when it would inflate to more than `maxLength` bytes. */
    uncompress(compressed: Buffer, maxLength?: number): Buffer
    compress(uncompressed: Buffer): Buffer
  }
  const snappyjs: SnappyJS
  export default snappyjs
}
