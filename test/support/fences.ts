import fs from 'node:fs'
import path from 'node:path'
import { root } from './shared.ts'

/** A fenced block of a page. */
export interface Fence {
  /** The text after the backticks: language and, if the block is a file, its name. */
  readonly info: string
  readonly text: string
  /** Line of the page, counted from 1, of the first line of the text. */
  readonly line: number
  readonly page: string
}

/** The fenced blocks of a page, in order. */
export function fencesOf(page: string): Fence[] {
  const fences: Fence[] = []
  let open: { info: string; indent: string; lines: string[]; line: number } | null = null
  for (const [index, line] of fs.readFileSync(path.join(root, page), 'utf8').split('\n').entries()) {
    const [, indent = '', info = ''] = /^( *)```(.*)$/.exec(line) ?? []
    const isFence = /^ *```/.test(line)
    if (open && isFence) {
      fences.push({ info: open.info, text: open.lines.join('\n'), line: open.line, page })
      open = null
    } else if (open) open.lines.push(line.slice(line.startsWith(open.indent) ? open.indent.length : 0))
    else if (isFence) open = { info: info.trim(), indent, lines: [], line: index + 2 }
  }
  return fences
}

/** The content of the block with this file name. */
export function fileIn(page: string, name: string): string {
  const found = fencesOf(page).find(({ info }) => info.split(' ')[1] === name)
  if (!found) throw new Error(`${page} has no file ${name}`)
  return `${found.text}\n`
}
