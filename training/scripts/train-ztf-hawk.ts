/**
 * Trains the bundled model `models/ztf-hawk-2`, all of it, from the folder of labelled data, by its recipes. It can be interrupted at any
 * time; the same command resumes it.
 *
 *   npm run train:ztf-hawk -- ../shared [FOLDER FOR THE RUNS] [FOLDER FOR THE MODEL]
 *
 * About 3,000 s of one core with tfjs-node (`npm run setup:tensorflow`); on WebAssembly several times as long, and other weights.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { modelsFolder } from 'hierax/classifier/model-folder.ts'

const root = path.resolve(import.meta.dirname, '../..')
const [data = '', runs = 'runs/ztf-hawk-2', out = path.join(modelsFolder, 'ztf-hawk-2')] = process.argv.slice(2)

/** Runs `hierax train`; ends the script where it fails or is interrupted. */
function train(recipe: string, folder: string, ...options: readonly string[]): void {
  const command = ['--conditions=source', '--import', 'tsx', path.join(root, 'src/cli/main.ts'), 'train', '--resume']
  const curves = [path.join(data, 'lightcurves', 'labelled.jsonl.gz'), soundCurves()].join()
  const taxonomy = path.join(modelsFolder, 'taxonomies', 'ztf-tree-2.json')
  const fixed = ['--data', curves, '--taxonomy', taxonomy, '--recipe', recipe, '--out', folder]
  const { status } = spawnSync(process.execPath, [...command, ...fixed, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** Writes the additional light curves without three upper limits of about -1006 mag, which `hierax train` refuses. Returns the path. */
function soundCurves(): string {
  const text = gunzipSync(fs.readFileSync(path.join(data, 'lightcurves', 'extra.jsonl.gz'))).toString()
  const sound = text
    .trimEnd()
    .split('\n')
    .map(line => {
      const curve = JSON.parse(line) as { mag: number[] } & Record<string, unknown>
      const kept = curve.mag.map(magnitude => magnitude > -1000)
      const columns = Object.entries(curve).filter(([, value]) => Array.isArray(value) && value.length === kept.length)
      for (const [name, column] of columns) curve[name] = (column as unknown[]).filter((_, index) => kept[index])
      return JSON.stringify(curve)
    })
  fs.mkdirSync(runs, { recursive: true })
  const file = path.join(runs, 'extra.jsonl')
  fs.writeFileSync(file, `${sound.join('\n')}\n`)
  return file
}

if (data === '') {
  process.stderr.write('Name the folder of the labelled data, with `lightcurves` and `stream` in it.\n')
  process.exit(2)
}
const run = (name: string): string => path.join(runs, name)
/** With less dropout, from the weights of a network that was trained with more, also on its answers. */
const from = (name: string): string[] => ['--start', run(name), '--teachers', run(name)]

// The networks of five folds and their figures; networks that never saw a class, for the figures of novelty; the model.
train('ztf-hawk-2-first', run('first'), '--folds', '5')
train('ztf-hawk-2', run('folds'), '--folds', '5', ...from('first'))
train('ztf-hawk-2-first', run('first-all'))
train('ztf-hawk-2-novelty', run('novelty'), ...['TDE', 'AGN', 'Periodic'].flatMap(node => ['--leave-out', node]))
train(
  'ztf-hawk-2',
  out,
  ...from('first-all'),
  ...['--cross-validation', run('folds'), '--left-out', run('novelty')],
  ...['--alerts', path.join(data, 'stream', 'alerts.jsonl.gz'), '--name', 'ztf-hawk', '--model-version', '2.0.0']
)
