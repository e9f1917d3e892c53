import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { HieraxError } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import type { z } from 'zod'

/** A file that one run of `hierax train` writes into its folder and another one reads. */
export interface RunFile<T extends z.ZodType> {
  readonly name: string
  /** What the other run reads of it. */
  readonly shape: T
  /** The option that names the folder, and those of the run that writes it. */
  readonly option: string
  readonly writtenBy: string
}

/** Writes what a run found into its folder. */
export async function writeRunFile(folder: string, { name }: RunFile<z.ZodType>, content: object): Promise<void> {
  await writeFile(path.join(folder, name), `${JSON.stringify(content, null, 1)}\n`)
}

/** Reads what another run found. Throws USAGE where there is nothing usable. */
export async function readRunFile<T extends z.ZodType>(folder: string, run: RunFile<T>): Promise<z.infer<T>> {
  const file = path.join(folder, run.name)
  try {
    checkRegular(file)
    return run.shape.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const message = `${run.option} ${folder}: ${file} can't be used (${(cause as Error).message.split('\n')[0]})`
    const hint = `it is what \`hierax train ${run.writtenBy} --out ${folder}\` writes`
    throw new HieraxError('USAGE', `${message}; ${hint}`, { cause })
  }
}
