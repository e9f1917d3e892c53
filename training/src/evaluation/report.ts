import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { HieraxError } from 'hierax/errors.ts'
import type { EvaluateOutcome } from './evaluate.ts'
import type { CutEvaluation } from './evaluation.ts'
import type { Table } from './tables.ts'

/** Folder of the page and its script and style: the same distance from `src/` and from `dist/`. */
const parts = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../report')

/** What a page shows. */
export interface ReportContents {
  readonly title: string
  readonly subtitle: string
  readonly notes: readonly string[]
  /** What the metrics are plotted against: the `days` of the evaluations. */
  readonly axis: string
  readonly evaluations: readonly CutEvaluation[]
  readonly tables: readonly Table[]
}

/** What the page of an evaluation shows. */
export function reportOf({ model, notes, evaluations, tables }: EvaluateOutcome): ReportContents {
  return {
    title: `${model.name} ${model.version}: evaluation`,
    subtitle: `Model ${model.sha256} on ${model.runtime}.`,
    notes: [...notes, 'Bars: standard deviation by bootstrap.'],
    axis: 'days',
    evaluations,
    tables
  }
}

/**
 * Writes evaluations as one page, `folder/index.html`, that needs nothing else: the plotting library (Observable Plot, on D3) and the
 * figures are in it. Resolves with its name. Throws USAGE where the folder can't be written.
 */
export async function writeReport(folder: string, contents: ReportContents): Promise<string> {
  const file = path.join(folder, 'index.html')
  const page = await reportPage(contents)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(file, page)
  } catch (cause) {
    throw new HieraxError('USAGE', `--report ${folder} can't be written: ${(cause as Error).message}`, { cause })
  }
  return file
}

/** The page: `report/page.mustache` with its places, `{{name}}`, filled in. */
async function reportPage({ title, subtitle, notes, axis, evaluations, tables }: ReportContents): Promise<string> {
  const require = createRequire(import.meta.url)
  const read = (file: string): Promise<string> => readFile(file, 'utf8')
  const part = (name: string): Promise<string> => read(path.join(parts, name))
  const library = (entry: string, file: string): Promise<string> =>
    read(path.join(path.dirname(entry), '../dist', file))
  const libraries = [
    await library(require.resolve('d3'), 'd3.min.js'),
    await library(require.resolve('@observablehq/plot'), 'plot.umd.min.js')
  ]
  const places: Readonly<Record<string, string>> = {
    title: escaped(title),
    subtitle: escaped(subtitle),
    axis: escaped(axis),
    notes: notes.map(note => `<p class="muted">${escaped(note)}</p>`).join('\n'),
    tables: tables.map(tableHtml).join('\n'),
    style: await part('page.css'),
    // No name of a node can end the element early.
    evaluation: JSON.stringify({ axis, evaluations }).replaceAll('<', '\\u003c'),
    library: libraries.map(each => `<script>${inElement(each)}</script>`).join('\n'),
    script: inElement(joined([await part('plots.js'), await part('page.js')]))
  }
  const nothing = '<p>No object has a label that the taxonomy knows: nothing is judged.</p>\n'
  const plots = (_: string, sections: string): string => (evaluations.length === 0 ? nothing : sections)
  return (await part('page.mustache'))
    .replace(/<!-- plots -->\n(.*?)<!-- end of plots -->\n/s, plots)
    .replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => places[name] as string)
}

/** Modules that import from each other only, in order, as one. */
function joined(modules: readonly string[]): string {
  return modules.map(text => text.replaceAll(/^import .*\n/gm, '').replaceAll(/^export /gm, '')).join('\n')
}

/** A script that does not end its element early. */
function inElement(script: string): string {
  return script.replaceAll('</script', '<\\/script')
}

function tableHtml({ title, columns, rows }: Table): string {
  const head = columns.map(name => `<th scope="col">${escaped(name)}</th>`).join('')
  const body = rows
    .map(([first = '', ...cells]) => {
      const rest = cells.map(cell => `<td>${escaped(cell)}</td>`).join('')
      return `<tr><th scope="row">${escaped(first)}</th>${rest}</tr>`
    })
    .join('\n')
  const open = title.startsWith('Classes among') ? ' open' : ''
  return `<details${open}><summary>${escaped(title)}</summary><div class="scroll" tabindex="0" role="region" aria-label="${escaped(title)}"><table><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div></details>`
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, character => entities[character] as string)
}
