/**
 * Trains the bundled model `models/ztf-hawk-2`, all of it, from the folder of labelled data, by its recipes. It can be interrupted at any
 * time; the same command resumes it.
 *
 *   npm run train:ztf-hawk -- ../shared [FOLDER FOR THE RUNS] [FOLDER FOR THE MODEL]
 *
 * About 6,000 s of one core with tfjs-node (`npm run setup:tensorflow`); on WebAssembly several times as long, and other weights.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { modelsFolder } from 'hierax/classifier/model-folder.ts'
import { soundCurves } from './sound-curves.ts'

const root = path.resolve(import.meta.dirname, '../..')
const [data = '', runs = 'runs/ztf-hawk-2', out = path.join(modelsFolder, 'ztf-hawk-2')] = process.argv.slice(2)

/** Runs `hierax train`; ends the script where it fails or is interrupted. */
function train(recipe: string, folder: string, ...options: readonly string[]): void {
  const command = ['--conditions=source', '--import', 'tsx', path.join(root, 'src/cli/main.ts'), 'train']
  const taxonomy = path.join(modelsFolder, 'taxonomies', 'ztf-tree-2.json')
  const fixed = [
    '--resume',
    '--overwrite',
    '--data',
    curves.join(),
    '--taxonomy',
    taxonomy,
    '--recipe',
    recipe,
    '--out',
    folder
  ]
  const { status } = spawnSync(process.execPath, [...command, ...fixed, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (data === '') {
  process.stderr.write('Name the folder of the labelled data, with `lightcurves` and `stream` in it.\n')
  process.exit(2)
}
const curves = await Promise.all(
  ['labelled.jsonl.gz', 'extra.jsonl.gz'].map(name => soundCurves(path.join(data, 'lightcurves', name), runs))
)
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
  ...['--alerts', path.join(data, 'stream', 'alerts.jsonl.gz'), '--name', 'ztf-hawk', '--model-version', '2.1.0']
)
