import type { Readable } from 'node:stream'

/** Longest line that is read, characters. */
const longestLine = 64 * 1024 * 1024

/**
 * The lines of a UTF-8 text without their line feeds; the last one is empty if the text ends in a line feed. Throws a RangeError for a line
 * of more than 64 Mi characters, before it fills the memory.
 */
export async function* linesOf(text: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of text.setEncoding('utf8')) {
    const lines = (chunk as string).split('\n')
    lines[0] = rest + lines[0]
    rest = lines.pop() as string
    yield* lines
    if (rest.length > longestLine) throw new RangeError(`it has more than ${longestLine} characters`)
  }
  yield rest
}
