import { writeFile } from 'node:fs/promises'
import { bundledModel } from 'hierax/classifier/model-folder.ts'
import type { PopulationSetting } from 'hierax/classifier/population.ts'
import { type Progress, startProgress } from 'hierax/cli/progress.ts'
import { HieraxError } from 'hierax/errors.ts'
import { type EvaluatePlan, evaluate } from '../evaluate.ts'
import { writeReport } from '../report.ts'
import { plainTable } from '../tables.ts'
import { cutsOf } from './train-run.ts'

/** Options of `hierax evaluate` as commander gives them. */
export interface EvaluateOptions {
  readonly model?: string
  readonly data: string[]
  readonly alerts: string[]
  readonly population?: PopulationSetting
  readonly days: string[]
  readonly among: string[]
  readonly minDetections: number
  readonly bootstrap: number
  readonly json?: string
  readonly predictions?: string
  readonly report?: string
  readonly runtime: 'auto' | 'node' | 'wasm'
}

/** Runs `hierax evaluate`: tables on standard output, what became of the data on standard error. */
export async function runEvaluate(options: EvaluateOptions): Promise<void> {
  if (options.data.length === 0 && options.alerts.length === 0) {
    throw new HieraxError('USAGE', 'nothing to judge by: name labelled light curves (--data) or packets (--alerts)')
  }
  if (options.data.length === 0 && options.predictions !== undefined) {
    throw new HieraxError('USAGE', '--predictions are of light curves: name some with --data')
  }
  const plan: EvaluatePlan = {
    model: options.model ?? bundledModel,
    data: options.data,
    alerts: options.alerts,
    ...(options.population === undefined ? {} : { population: options.population }),
    days: cutsOf(options.days),
    among: options.among,
    minDetections: options.minDetections,
    bootstrap: options.bootstrap,
    predictions: options.predictions ?? null,
    runtime: options.runtime
  }
  let progress: Progress | undefined
  const outcome = await evaluate(plan, {
    begin: async objects => {
      if (objects > 0) progress = await startProgress({ total: objects, unit: 'objects' })
    },
    advance: count => progress?.advance(count)
  }).finally(() => progress?.stop())
  const { name, version, runtime } = outcome.model
  for (const note of [`${name} ${version} on ${runtime}.`, ...outcome.notes]) process.stderr.write(`${note}\n`)
  const { tables, ...figures } = outcome
  if (tables.length > 0) process.stdout.write(`${tables.map(plainTable).join('\n\n')}\n`)
  else process.stderr.write('No object has a label that the taxonomy knows: nothing is judged.\n')
  if (options.report !== undefined) process.stderr.write(`Report: ${await writeReport(options.report, outcome)}\n`)
  if (options.json === undefined) return
  try {
    await writeFile(options.json, `${JSON.stringify(figures, null, 1)}\n`)
  } catch (cause) {
    throw new HieraxError('USAGE', `--json ${options.json} can't be written: ${(cause as Error).message}`, { cause })
  }
}
