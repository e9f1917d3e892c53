/**
 * Trains the bundled model `models/ztf-hawk-2`, all of it, from the folder of labelled data: the networks of five folds with their
 * figures, networks that never saw a class (for the figures of novelty), and the network of all objects with its context term. It can be
 * interrupted at any time; the same command resumes it.
 *
 *   npm run train:ztf-hawk -- ../shared [FOLDER FOR THE RUNS] [FOLDER FOR THE MODEL]
 *
 * About 3,000 s of one core with tfjs-node (`npm run setup:tensorflow`); on WebAssembly several times as long, and other weights.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { modelsFolder } from 'hierax/classifier/model-folder.ts'

const root = path.resolve(import.meta.dirname, '../..')
const taxonomy = path.join(modelsFolder, 'taxonomies', 'ztf-tree-2.json')
const [data = '', runs = 'runs/ztf-hawk-2', out = path.join(modelsFolder, 'ztf-hawk-2')] = process.argv.slice(2)

/** Widths and augmentation of all networks. */
const network = [
  '--embedding',
  '96',
  '--hidden',
  '96',
  '--dense',
  '96',
  '--cap',
  '110',
  '--copies',
  '1000',
  '--augment',
  '0.9'
]
/** The network is trained with strong dropout first, then, from these weights, with less, also on its earlier answers. */
const first = ['--seed', '6', '--dropout', '0.3', '--last-weight', '0.3', '--epochs', '20']
const second = (start: string): string[] => [
  ...['--seed', '31', '--dropout', '0.15', '--last-weight', '0.2', '--epochs', '6', '--learning-rate', '0.004'],
  ...['--start', start, '--teachers', start, '--teaching', '0.5']
]
/** Persistent sources: made-up ones besides the labelled ones, and at least 35 % of the draws. */
const balance = ['--synthetic', '2400', '--balance', '0.35']
const populations = [
  '--population',
  'stream:Transient=0.04,Persistent=0.96; Admitted public alerts of the survey. Of 685 such alerts of three near-random nights (2018-07-13, 2018-11-29, 2020-03-30) 14, or 2 %, are of typed supernovae; about as many transients go untyped'
]
/** What is judged, and by which rule classes are named. */
const judged = [
  ...['--among', 'SN Ia,SN II,SN IIn~SLSN-II,SLSN-I,SN Ib/c,-SN IIb'],
  ...['--among', 'SN Ia,CC,SLSN,TDE,AGN,CV/Nova,Periodic'],
  ...['--min-detections', '5', '--prior-power', '10:0.5,20:0.4,35:0.35,0.1', '--naming', '10:1,42:0.4']
]
/** Where not to trust the model, beside what follows from its training set. */
const limitations = [
  'Spectroscopic surveys avoid catalogued stars, and so the labelled supernovae were selected against stars: the context term is too sure that what lies on a star is no transient. Its part of the log-odds is bounded, so that a clear light curve can still win.',
  'The labelled packets are a convenience sample, not the stream: they compare methods, and the shares of a population are estimates.',
  'Probabilities after one or two detections rest mostly on the context and on the population.',
  'Novae and cataclysmic variables without a counterpart in the catalogues look like transients until they fade or return.'
]
/** Classes that a network is trained without, to tell how novel they look to it. */
const strange = ['TDE', 'AGN', 'Periodic']

/** Runs `hierax train`; ends the script where it fails or is interrupted. */
function train(folder: string, options: readonly string[]): void {
  const command = ['--conditions=source', '--import', 'tsx', path.join(root, 'src/cli/main.ts'), 'train', '--resume']
  const curves = ['labelled.jsonl.gz', 'extra.jsonl.gz'].map(name => path.join(data, 'lightcurves', name)).join()
  const fixed = [
    ...['--data', curves, '--taxonomy', taxonomy, '--out', folder, '--runtime', 'auto', ...network, ...balance],
    ...[...populations, '--card-command', 'npm run train:ztf-hawk -- ../shared']
  ]
  const { status } = spawnSync(process.execPath, [...command, ...fixed, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (data === '') {
  process.stderr.write('Name the folder of the labelled data, with `lightcurves` and `stream` in it.\n')
  process.exit(2)
}
const run = (name: string): string => path.join(runs, name)
train(run('first'), [...first, '--folds', '5', '--bootstrap', '0', '--days', 'full'])
train(run('folds'), [...second(run('first')), '--folds', '5', ...judged])
train(run('first-all'), first)
train(run('novelty'), [
  ...strange.flatMap(node => ['--leave-out', node]),
  ...['--seed', '0', '--epochs', '5', '--days', '30,full']
])
train(out, [
  ...[...second(run('first-all')), ...judged, '--cross-validation', run('folds'), '--left-out', run('novelty')],
  ...['--alerts', path.join(data, 'stream', 'alerts.jsonl.gz'), '--name', 'ztf-hawk', '--model-version', '2.0.0'],
  ...limitations.flatMap(text => ['--limitation', text]),
  ...[
    '--description',
    'Causal recurrent network over ZTF difference photometry (72 numbers a detection), a context term over the other fields of the packet, and a class mix that can be chosen, with a softmax inside each group of siblings of a tree of 30 nodes.'
  ]
])
