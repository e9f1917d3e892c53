import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { jsonLines } from '../src/light-curves/json-lines.ts'

/**
 * A file of labelled light curves without upper limits of about -1006 mag, which `hierax train` refuses: the file itself, or, where it
 * has any, a copy in the folder. Resolves with the path.
 */
export async function soundCurves(file: string, folder: string): Promise<string> {
  const sound: string[] = []
  let dropped = 0
  for await (const { value } of jsonLines(file)) {
    const curve = value as { mag?: (number | null)[] } & Record<string, unknown>
    const kept = (curve.mag ?? []).map(magnitude => magnitude === null || magnitude > -1000)
    dropped += kept.filter(each => !each).length
    const columns = Object.entries(curve).filter(([, column]) => Array.isArray(column) && column.length === kept.length)
    for (const [name, column] of columns) curve[name] = (column as unknown[]).filter((_, index) => kept[index])
    sound.push(JSON.stringify(curve))
  }
  if (dropped === 0) return file
  process.stderr.write(`${file}: ${dropped} upper limits that are no magnitudes are left out.\n`)
  await mkdir(folder, { recursive: true })
  const copy = path.join(folder, path.basename(file).replace(/\.gz$/, ''))
  await writeFile(copy, `${sound.join('\n')}\n`)
  return copy
}
