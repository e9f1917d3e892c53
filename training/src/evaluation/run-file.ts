import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describeIssues } from 'hierax/classifier/model/model-file.ts'
import { HieraxError } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { z } from 'zod'
import { digest, digestOfObjects, type Session } from '../session.ts'

/** A file that one run of `hierax train` writes into its folder and another one reads. */
export interface RunFile<T extends z.ZodType = z.ZodType> {
  readonly name: string
  /** What the other run reads of it. */
  readonly shape: T
  /** The option that names the folder, and those of the run that writes it. */
  readonly option: string
  readonly writtenBy: string
}

/** Of which tree and data a run is. Files of earlier versions do not have it. */
export const runOriginShape = z.object({
  /** Name and version of the taxonomy, and a digest of its nodes. */
  taxonomy: z.string(),
  nodes: z.string(),
  /** Number of labelled objects, and a digest of them with their nodes. */
  objects: z.int(),
  data: z.string(),
  folds: z.int(),
  foldSeed: z.int()
})
export type RunOrigin = z.infer<typeof runOriginShape>

/** What a run states about its tree and data. */
export function originOf({ plan, taxonomy, objects }: Pick<Session, 'plan' | 'taxonomy' | 'objects'>): RunOrigin {
  const nodes = taxonomy.nodes.map(({ name, parent }) => `${JSON.stringify([name, parent])}\n`)
  return {
    taxonomy: `${taxonomy.name} ${taxonomy.version}`,
    nodes: digest(nodes),
    objects: objects.length,
    data: digestOfObjects(objects),
    folds: plan.folds,
    foldSeed: plan.recipe.foldSeed
  }
}

/** Writes the results of a run into its folder. */
export async function writeRunFile(folder: string, { name }: RunFile, content: object): Promise<void> {
  await writeFile(path.join(folder, name), `${JSON.stringify(content, null, 1)}\n`)
}

/** Reads what another run found. Throws USAGE where there is nothing usable. */
export async function readRunFile<T extends z.ZodType>(folder: string, run: RunFile<T>): Promise<z.infer<T>> {
  const file = path.join(folder, run.name)
  const refuse = (problem: string, cause?: unknown): never => {
    const hint = `it is what \`hierax train ${run.writtenBy} --out ${folder}\` writes`
    throw new HieraxError('USAGE', `${run.option} ${folder}: ${file} can't be used (${problem}); ${hint}`, { cause })
  }
  let content: unknown
  try {
    checkRegular(file)
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOTDIR')
      throw new HieraxError('USAGE', `${run.option} ${folder} is a file: name its folder`, { cause })
    return refuse(code === 'ENOENT' ? 'it does not exist' : message, cause)
  }
  const parsed = run.shape.safeParse(content)
  return parsed.success ? parsed.data : refuse(describeIssues(parsed.error), parsed.error)
}

/**
 * Reads what another run of the same tree and data found; one of an earlier version, which does not state them, with a note. Throws
 * USAGE where tree or data differ.
 */
export async function readOwnRun<T extends z.ZodType<{ readonly of?: RunOrigin | undefined }>>(
  folder: string,
  run: RunFile<T>,
  session: Pick<Session, 'plan' | 'taxonomy' | 'objects' | 'listener'>
): Promise<z.infer<T>> {
  const found = await readRunFile(folder, run)
  const { of } = found
  const what = `${run.option} ${folder}`
  if (of === undefined) {
    session.listener.note(
      `${what} is of an earlier version, and does not state its tree and data: they are not compared.`
    )
    return found
  }
  const own = originOf(session)
  const again = `repeat that run (${run.writtenBy}) with the options of this one`
  if (of.nodes !== own.nodes) {
    const other = of.taxonomy === own.taxonomy ? `${of.taxonomy} with other nodes` : of.taxonomy
    throw new HieraxError('USAGE', `${what} is of another tree: of ${other}, not of ${own.taxonomy}; ${again}`)
  }
  if (of.data !== own.data) {
    const how =
      of.objects === own.objects
        ? `of as many objects (${own.objects}), but not the same ones, or with other labels or points`
        : `of ${of.objects} labelled objects, not of ${own.objects}`
    throw new HieraxError('USAGE', `${what} is of other data: ${how}; ${again}`)
  }
  return found
}
