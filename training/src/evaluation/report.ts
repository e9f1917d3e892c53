import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { HieraxError } from 'hierax/errors.ts'
import type { EvaluateOutcome } from './evaluate.ts'
import type { Table } from './tables.ts'

/** Folder of the page's script and style: the same distance from `src/` and from `dist/`. */
const parts = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../report')

/**
 * Writes an evaluation as one page, `folder/index.html`, that needs nothing else: the plotting library (Observable Plot, on D3) and the
 * figures are in it. Resolves with its name. Throws USAGE where the folder can't be written.
 */
export async function writeReport(folder: string, outcome: EvaluateOutcome): Promise<string> {
  const file = path.join(folder, 'index.html')
  const page = await reportPage(outcome)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(file, page)
  } catch (cause) {
    throw new HieraxError('USAGE', `--report ${folder} can't be written: ${(cause as Error).message}`, { cause })
  }
  return file
}

async function reportPage({ model, notes, evaluations, tables }: EvaluateOutcome): Promise<string> {
  const require = createRequire(import.meta.url)
  const beside = (entry: string, file: string): string => path.join(path.dirname(entry), '../dist', file)
  const read = (file: string): Promise<string> => readFile(file, 'utf8')
  const library = [
    await read(beside(require.resolve('d3'), 'd3.min.js')),
    await read(beside(require.resolve('@observablehq/plot'), 'plot.umd.min.js'))
  ]
  const script = joined([await read(path.join(parts, 'plots.js')), await read(path.join(parts, 'page.js'))])
  const style = await read(path.join(parts, 'page.css'))
  const title = `${model.name} ${model.version}: evaluation`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p class="muted">Model <code>${model.sha256}</code> on ${escaped(model.runtime)}.</p>
${notes.map(note => `<p class="muted">${escaped(note)}</p>`).join('\n')}
${navigation()}
</header>
<main>
${evaluations.length === 0 ? '<p>No object has a label that the taxonomy knows: nothing is judged.</p>' : sections()}
<section id="tables-section"><h2 id="tables">All figures as tables</h2>
${tables.map(tableHtml).join('\n')}
</section>
</main>
<noscript><p>The plots need JavaScript; the tables have all figures.</p></noscript>
<script type="application/json" id="evaluation">${inScript(JSON.stringify({ evaluations }))}</script>
${library.map(each => `<script>${inElement(each)}</script>`).join('\n')}
<script type="module">${inElement(script)}</script>
</body>
</html>
`
}

/** Modules that import from each other only, in order, as one. */
function joined(modules: readonly string[]): string {
  return modules.map(text => text.replaceAll(/^import .*\n/gm, '').replaceAll(/^export /gm, '')).join('\n')
}

/** A script that does not end its element early. */
function inElement(script: string): string {
  return script.replaceAll('</script', '<\\/script')
}

const chapters = [
  [
    'metrics',
    'Metrics against days',
    'Days from the first detection to the cut. Bars: standard deviation by bootstrap.'
  ],
  [
    'reliability',
    'Reliability of every set of classes',
    'The largest probability against the share for which it was true, by cut.'
  ],
  [
    'nodes',
    'Calibration of every node',
    'In brackets the objects at or below the node. The area of a dot grows with the objects of its bin; the line goes through bins of ten or more.'
  ],
  [
    'confusion',
    'Confusion',
    'Rows are true classes, columns the classes named by the rule of the card. Colour: share of the row.'
  ],
  [
    'purity',
    'Purity against completeness',
    'One point for each threshold of the probability of a class; the ring is 0.5.'
  ],
  [
    'novelty',
    'Novelty',
    'How little objects look like the training set. Known classes should be level at the dashed line.'
  ]
] as const

function navigation(): string {
  const links = [...chapters.map(([id, title]) => [id, title]), ['tables', 'All figures as tables']]
  return `<nav aria-label="Contents">${links.map(([id, title]) => `<a href="#${id}">${title}</a>`).join(' ')}</nav>`
}

/** Places for the plots; from the third on they are of one cut, which can be chosen. */
function sections(): string {
  const choice =
    '<p class="choice"><label>Plots from here on are at the cut of <select id="days"></select> days</label></p>'
  return chapters
    .map(([id, title, text], at) => {
      const section = `<section><h2>${title}</h2>\n<p>${text}</p>\n<div id="${id}"${id === 'confusion' ? ' class="row"' : ''}></div></section>`
      return at === 2 ? `${choice}\n${section}` : section
    })
    .join('\n')
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

/** JSON that no name of a node can end early. */
function inScript(json: string): string {
  return json.replaceAll('<', '\\u003c')
}
