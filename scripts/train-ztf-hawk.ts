/**
 * Trains the bundled model `models/ztf-hawk` from labelled light curves, all of it: three kinds of teachers over five folds, the
 * student of each fold, its cross-validation, the networks that never saw a class, and the student of all objects. What was
 * done before is gone on with, so it can be broken off at any time.
 *
 *   node --import tsx scripts/train-ztf-hawk.ts labelled.jsonl.gz [FOLDER FOR THE RUNS] [FOLDER FOR THE MODEL]
 *
 * About 5,000 s of one core with tfjs-node (`npm run setup:tensorflow`); on WebAssembly several times as long, and other weights.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { modelsFolder } from '../src/classifier/model-folder.ts'

const root = path.resolve(import.meta.dirname, '..')
const taxonomy = path.join(modelsFolder, 'ztf-hawk', 'taxonomy.json')
const [data = '', runs = 'runs/ztf-hawk', out = path.join(modelsFolder, 'ztf-hawk')] = process.argv.slice(2)

const folds = ['--folds', '5']
const varied = ['--copies', '1000', '--augment', '0.9']
const wide = ['--embedding', '96', '--hidden', '96', '--dense', '96']
/** What is judged, and by which rule classes are named. */
const judged = [
  ...['--among', 'SN Ia,SN II,SN IIn~SLSN-II,SLSN-I,SN Ib/c,-SN IIb'],
  ...['--among', 'SN Ia,CC,SLSN,TDE,AGN,CV/Nova,Periodic'],
  ...['--min-detections', '5', '--prior-power', '10:0.5,20:0.4,35:0.35,0.1', '--naming', '10:1,42:0.4']
]

/** Networks of different inputs, widths, seeds and weights of the last detection: they err differently. */
const teachers: Readonly<Record<string, readonly string[]>> = {
  narrow: ['--seed', '4', '--inputs', 'ztf-27.v1', ...varied],
  wide: ['--seed', '6', ...wide, '--dropout', '0.3', '--last-weight', '0.3', ...varied],
  decayed: ['--seed', '3', '--embedding', '96', '--weight-decay', '0.05']
}
const student = [
  ...['--seed', '31', ...wide, '--dropout', '0.15', '--last-weight', '0.2', ...varied],
  ...['--epochs', '10', '--learning-rate', '0.004', '--teaching', '0.8']
]

/** Classes that a network is trained without, to tell how novel they look to it. */
const strange = ['TDE', 'SLSN', 'AGN', 'SN II', 'CV/Nova', 'Periodic']

function run(name: string): string {
  return path.join(runs, name)
}

/** Runs `hierax train`; ends the script where it fails or is broken off. */
function train(folder: string, options: readonly string[]): void {
  const command = ['--import', 'tsx', path.join(root, 'src/cli/main.ts'), 'train', '--resume']
  const fixed = [
    ...['--data', data, '--taxonomy', taxonomy, '--out', folder, '--runtime', 'auto'],
    ...['--card-command', 'node --import tsx scripts/train-ztf-hawk.ts labelled.jsonl.gz']
  ]
  const { status } = spawnSync(process.execPath, [...command, ...fixed, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (data === '') {
  process.stderr.write('It wants a file of labelled light curves.\n')
  process.exit(2)
}
for (const [name, options] of Object.entries(teachers)) train(run(name), [...options, ...folds, '--bootstrap', '0'])
train(run('student'), [
  ...[...student, ...folds, ...judged],
  ...['--start', run('wide'), '--teachers', Object.keys(teachers).map(run).join()]
])
train(run('wide-all'), teachers.wide ?? [])
train(run('novelty'), [
  ...strange.flatMap(node => ['--leave-out', node]),
  ...['--seed', '0', '--epochs', '12', '--copies', '4', '--days', '7,30,full']
])
train(out, [
  ...[...student, ...judged, '--start', run('wide-all')],
  ...['--teachers', [run('narrow/fold-0'), run('wide-all'), run('decayed/fold-3')].join()],
  ...['--cross-validation', run('student'), '--left-out', run('novelty'), '--name', 'ztf-hawk'],
  ...[
    '--description',
    'Causal recurrent network over ZTF difference photometry (70 numbers a detection) with a softmax inside each group of siblings of a tree of 27 nodes; learned from the labels and from three networks of other kinds.'
  ]
])
