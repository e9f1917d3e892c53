/**
 * Runs a study: trains networks that differ in loss, tree or labels only, and judges them on the same objects.
 *
 *   npm run study -- training/studies/whxe-transients.json runs/whxe ../shared/lightcurves/labelled.jsonl.gz
 *
 * Every trained network is kept in the folder. The same command resumes an interrupted study, and trains only what is missing.
 */
import { endSignal } from 'hierax/cli/end-signal.ts'
import { HieraxError } from 'hierax/errors.ts'
import { createListener } from '../src/cli/train-progress.ts'
import { plainTable } from '../src/evaluation/tables.ts'
import { runStudy } from '../src/study/run-study.ts'
import { soundCurves } from './sound-curves.ts'

const [study, out, ...files] = process.argv.slice(2)
if (study === undefined || out === undefined || files.length === 0) {
  process.stderr.write('Name the file of the study, a folder for its runs, and the files of labelled light curves.\n')
  process.exit(2)
}
const listener = createListener(plainTable)
const signal = endSignal(() => {
  listener.end()
  listener.note('Stopping after this batch …')
})
const command = `npm run study -- ${process.argv.slice(2).join(' ')}`
try {
  const data = await Promise.all(files.map(file => soundCurves(file, out)))
  if ((await runStudy({ study, data, out, runtime: 'auto', command }, listener, signal)) === null) {
    process.stderr.write('Interrupted; all that was done is saved. The same command resumes it.\n')
    process.exitCode = 130
  }
} catch (error) {
  if (!(error instanceof HieraxError)) throw error
  process.stderr.write(`${error.code}: ${error.message}\n`)
  process.exitCode = 2
}
