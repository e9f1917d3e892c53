import { existsSync } from 'node:fs'
import path from 'node:path'
import { checkOutputs, named } from 'hierax/cli/outputs.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { isPacketFile } from 'hierax/streams/files.ts'
import { crossValidationFile } from './evaluation/cross-validation.ts'
import { type RunFile, readRunFile } from './evaluation/run-file.ts'
import { folderWithout, leaveOutFile } from './leave-out.ts'
import { cardFile, modelFiles } from './model-writer.ts'
import { checkpointFile, progressOf } from './network/checkpoint.ts'
import type { TrainListener, TrainPlan } from './session.ts'

/**
 * Refuses a training that would replace what is in `plan.out`, or what it reads itself, or whose models to begin with are missing. `--resume` continues from a checkpoint, whose
 * settings are compared when it is read; `--overwrite` replaces anything. Throws USAGE.
 */
export async function checkOut(plan: TrainPlan, listener: Pick<TrainListener, 'note'>): Promise<void> {
  const folders = foldersOf(plan)
  const models = ({ inner }: Folder, outer: readonly string[]): string[] => outer.map(each => path.join(each, inner))
  for (const each of folders) {
    checkOutputs(
      modelFiles.flatMap(file => named('--out', path.join(each.folder, file))),
      [
        ...named('--data', plan.data),
        ...named('--taxonomy', plan.taxonomy),
        ...named('--alerts', plan.alerts).map(input => ({ ...input, reads: isPacketFile })),
        ...named('--start', plan.start === null ? [] : models(each, [plan.start])),
        ...named('--teachers', models(each, plan.teachers))
      ]
    )
  }
  for (const { inner } of folders) {
    for (const folder of plan.start === null ? [] : [plan.start]) checkModel('--start', folder, inner)
    for (const folder of plan.teachers) checkModel('--teachers', folder, inner)
  }
  const fresh: string[] = []
  for (const { folder } of folders) if (!(await checkFolder(folder, plan))) fresh.push(folder)
  if (plan.leaveOut.length > 0) await checkLeftOut(plan)
  else if (plan.folds > 0 && plan.fold === null) checkRun(plan, crossValidationFile)
  if (plan.resume && fresh.length > 0) {
    listener.note(`Nothing to resume in ${fresh.join(', ')}: training starts from the beginning there.`)
  }
}

interface Folder {
  readonly folder: string
  /** Name of the folder with the model to begin with, in the folders of `--start` and `--teachers`. */
  readonly inner: string
}

/** The model folders that a run writes. */
function foldersOf({ out, folds, fold, leaveOut }: TrainPlan): Folder[] {
  if (leaveOut.length > 0) return leaveOut.map(node => ({ folder: folderWithout(out, node), inner: '' }))
  if (folds === 0) return [{ folder: out, inner: '' }]
  const all = fold === null ? Array.from({ length: folds }, (_, each) => each) : [fold]
  return all.map(each => ({ folder: path.join(out, `fold-${each}`), inner: `fold-${each}` }))
}

/** Refuses a folder without a model to begin with, or to learn from. */
function checkModel(option: string, folder: string, inner: string): void {
  if (existsSync(path.join(folder, inner, cardFile))) return
  const isRun = inner === '' && existsSync(path.join(folder, crossValidationFile.name))
  const message = isRun
    ? 'is a cross-validation, which is for a run with --folds; name one of its models, such as its fold-0'
    : inner === ''
      ? `is not a model folder: it has no ${cardFile}`
      : `has no ${inner} with a model; with --folds, the option takes a cross-validation with the same folds`
  throw new HieraxError('USAGE', `${option} ${folder} ${message}`)
}

/** Whether there is a training to resume in a folder. */
async function checkFolder(folder: string, { resume, overwrite }: TrainPlan): Promise<boolean> {
  if (overwrite && !resume) return false
  const progress = await progressOf(path.join(folder, checkpointFile))
  if (progress !== null && resume) return true
  if (overwrite) return false
  const found = modelFiles.filter(name => existsSync(path.join(folder, name)))
  const replace = 'name another folder, or give --overwrite to replace'
  const refuse = (what: string): never => {
    throw new HieraxError('USAGE', `--out: ${folder} ${what}`)
  }
  if (progress !== null && !progress.finished) {
    refuse(
      `has a training that was interrupted in epoch ${progress.epoch + 1}; resume it with --resume, or ${replace} it`
    )
  }
  if (progress !== null) {
    refuse(
      `has a model that is trained; ${replace} it; --resume, with the same settings and data, only writes its card again`
    )
  }
  if (found.includes(cardFile)) refuse(`has a model, without a checkpoint to resume from; ${replace} it`)
  if (found.length > 0) refuse(`has other files of the names of a model's (${found.join(', ')}); ${replace} them`)
  return false
}

/** Refuses to replace the file of an earlier run. */
function checkRun({ out, resume, overwrite }: TrainPlan, { name, writtenBy }: RunFile): boolean {
  const exists = existsSync(path.join(out, name))
  if (exists && !resume && !overwrite) {
    const message = `--out: ${out} has the ${name} of an earlier run with ${writtenBy}`
    throw new HieraxError('USAGE', `${message}; name another folder, or give --resume or --overwrite`)
  }
  return exists
}

/** Refuses to replace figures of other nodes. */
async function checkLeftOut(plan: TrainPlan): Promise<void> {
  if (!checkRun(plan, leaveOutFile) || plan.overwrite) return
  const { leftOut } = await readRunFile(plan.out, leaveOutFile)
  const other = leftOut.find(({ node }) => !plan.leaveOut.includes(node))
  if (other === undefined) return
  const message = `--out: ${plan.out} has figures of a run with --leave-out ${shown(other.node)}, which would be lost`
  throw new HieraxError('USAGE', `${message}; name that node too, or another folder, or give --overwrite`)
}
