/** Text with control characters (and those that reverse its direction) escaped, so that a terminal shows it as it is. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    character => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`
  )
}
