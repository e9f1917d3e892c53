import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../../support/shared.ts'
import { createBase, npmAccess, type RootFs, run } from './namespace.ts'
import { environmentOf, type Stage } from './recipe.ts'

/** What came of building a Dockerfile by hand. */
export interface Image {
  readonly root: RootFs
  /** What its ENV instructions say. */
  readonly env: Readonly<Record<string, string>>
  readonly workdir: string
  /** Root file system of every stage, by its name. */
  readonly stages: ReadonlyMap<string, RootFs>
  /** Settings of the last stage, as in {@link Stage}. */
  readonly settings: Stage['settings']
  /** Milliseconds that each stage took. */
  readonly took: ReadonlyMap<string, number>
}

/** A stage that was built, with the folder that its instructions ended in. */
interface Built {
  readonly root: RootFs
  readonly workdir: string
}

/**
 * Builds an image as an engine would, each stage in a root file system of its own: COPY from what git tracks or from an
 * earlier stage, RUN within the stage. The last stage is the image.
 *
 * @param folder empty, for everything that comes of it
 * @param context files of the project that the build may see
 */
export async function buildImage(stages: readonly Stage[], context: readonly string[], folder: string): Promise<Image> {
  const source = path.join(folder, 'context')
  for (const file of context) {
    fs.mkdirSync(path.dirname(path.join(source, file)), { recursive: true })
    fs.copyFileSync(path.join(root, file), path.join(source, file))
  }
  const built = new Map<string, Built>()
  const took = new Map<string, number>()
  for (const stage of stages) {
    const began = performance.now()
    built.set(stage.name, await buildStage(stage, built, source, path.join(folder, stage.name)))
    took.set(stage.name, Math.round(performance.now() - began))
  }
  const last = stages.at(-1)!
  const roots = new Map([...built].map(([name, stage]) => [name, stage.root]))
  return { ...built.get(last.name)!, stages: roots, env: environmentOf(last), settings: last.settings, took }
}

async function buildStage(
  stage: Stage,
  earlier: ReadonlyMap<string, Built>,
  context: string,
  folder: string
): Promise<Built> {
  const base = earlier.get(stage.from)
  const fsOfStage = base ? copyOf(base.root, folder) : createBase(folder)
  const { env, volumes } = npmAccess()
  let workdir = base?.workdir ?? '/'
  let set: Record<string, string> = {}
  for (const step of stage.steps) {
    if (step.does === 'workdir') {
      workdir = path.posix.resolve(workdir, step.folder)
      fs.mkdirSync(path.join(folder, workdir), { recursive: true })
    } else if (step.does === 'env') set = { ...set, ...step.values }
    else if (step.does === 'copy') {
      const from = step.from === null ? context : earlier.get(step.from)!.root.folder
      const to = path.join(folder, path.posix.resolve(workdir, step.to))
      copy(
        step.sources.map(each => path.join(from, each)),
        to,
        step.to.endsWith('/')
      )
    } else {
      const options = { env: { ...env, ...set }, cwd: workdir, ...(volumes ? { volumes } : {}) }
      const { code, stdout, stderr } = await run(fsOfStage, ['/bin/sh', '-c', step.command], options)
      if (code !== 0) throw new Error(`RUN ${step.command} in ${stage.name} ended with ${code}:\n${stdout}${stderr}`)
    }
  }
  return { root: fsOfStage, workdir }
}

/** As COPY does: what a folder holds, or files into a folder, or one file under a new name. Links save the time. */
function copy(sources: readonly string[], to: string, intoFolder: boolean): void {
  for (const source of sources) {
    const isFolder = fs.statSync(source).isDirectory()
    fs.mkdirSync(isFolder || intoFolder ? to : path.dirname(to), { recursive: true })
    execFileSync('cp', ['-al', isFolder ? `${source}/.` : source, to])
  }
}

function copyOf(from: RootFs, folder: string): RootFs {
  const bin = `${folder}.bin`
  execFileSync('cp', ['-al', from.folder, folder])
  execFileSync('cp', ['-al', from.bin, bin])
  return { folder, bin }
}
