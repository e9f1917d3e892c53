const notice = '<!-- Made by scripts/generate-docs.ts: change the code, not this page. -->'

/** A page with its notice and title. */
export function page(title: string, body: string): string {
  return `${notice}\n\n# ${title}\n\n${body}\n`
}

/** Text as code. */
export function code(text: string): string {
  return `\`${text}\``
}

/** A table with its columns aligned, as the formatter has it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map(cells => cells.map(cell => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...lines.map(cells => (cells[column] as string).length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] as number)).join(' | ')} |`
  const [first, ...others] = lines.map(line)
  return [first, line(widths.map(width => '-'.repeat(width))), ...others].join('\n')
}
