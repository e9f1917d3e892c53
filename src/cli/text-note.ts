/** A note for a file that holds text, such as a table of photometry, in the place of a packet; null for other content. */
export function textNote(path: string, bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1')
  if (!/^(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]{4,}$/.test(start) || start.startsWith('Obj')) return null
  return `${path} holds text, but alerts are Avro packets; for a table of photometry, see \`hierax convert --help\``
}
