import fs from 'node:fs'
import path from 'node:path'
import { type Fence, fencesOf } from '../support/fences.ts'
import { root } from '../support/shared.ts'

/** Every page of the project that is for people. */
export const pages: readonly string[] = [
  ...fs.readdirSync(root).filter(name => name.endsWith('.md')),
  ...fs
    .readdirSync(path.join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
  'clients/python/README.md',
  'examples/README.md',
  'schemas/history/README.md'
]

/** A command of a page. */
export interface Command {
  readonly text: string
  readonly fence: Fence
}

/** The commands in a page's blocks for the shell, continued lines joined, comments left out. */
export function commandsOf(page: string): Command[] {
  return fencesOf(page)
    .filter(({ info }) => info === 'sh')
    .flatMap(fence =>
      fence.text
        .replaceAll('\\\n', ' ')
        .split('\n')
        .map(line =>
          line
            .replace(/(^|\s)#.*$/, '')
            .replace(/^\$ /, '')
            .trim()
        )
        .filter(text => text !== '')
        .map(text => ({ text, fence }))
    )
}

/** A command line's parts between `|`, `&&` and `;`, each as words; quotes are taken off. */
export function wordsOf(text: string): string[][] {
  const parts: string[][] = [[]]
  for (const [token] of text.matchAll(/&&|[|;]|(?:[^\s"'|;&]|"[^"]*"|'[^']*')+/g)) {
    if (token === '&&' || token === '|' || token === ';') parts.push([])
    else parts.at(-1)!.push(token.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'))
  }
  return parts.filter(words => words.length > 0)
}
