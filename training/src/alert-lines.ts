import { HieraxError, shown } from 'hierax/errors.ts'
import { z } from 'zod'
import { lines, parseJson, unreadable } from './light-curves/read-light-curves.ts'

const text = z.string().min(1)
const wantsDigits = 'must be digits, as text: JSON numbers of that size lose digits'
const line = z.object({
  objectId: text,
  /** Digits as text: a JSON number would lose some. */
  candid: z
    .union([z.string().regex(/^\d{1,19}$/, wantsDigits), z.int(wantsDigits)], wantsDigits)
    .transform(String)
    .nullish(),
  label: z.string().nullish(),
  group: z.string().nullish(),
  weak: z.boolean().nullish(),
  conflict: z.boolean().nullish(),
  night: z.string().nullish(),
  file: text.nullish()
})

/** What a line says of an alert, or of all alerts of an object. */
export interface AlertLine {
  readonly objectId: string
  /** Null: the line is about all alerts of the object. */
  readonly candid: string | null
  readonly label: string | null
  readonly group: string | null
  /** The label is not certain: it is not fitted to. */
  readonly doubtful: boolean
  readonly night: string | null
  /** Packet file or folder, relative to the file of the line. */
  readonly file: string | null
  /** File and number of the line, for errors. */
  readonly where: string
}

/**
 * Reads labels of alerts from a JSON Lines file (gzip-compressed where the name ends in `.gz`): `objectId`, and where known
 * `candid` (digits, as text), `label`, `group`, `weak`, `conflict`, `night` and `file`; other fields are ignored. Throws DATA_INVALID
 * naming line and field, INPUT_NOT_FOUND.
 */
export async function readAlertLines(path: string): Promise<AlertLine[]> {
  const found: AlertLine[] = []
  let number = 0
  try {
    for await (const each of lines(path)) {
      number += 1
      if (each.trim() !== '') found.push(parseLine(each, `${path}, line ${number}`))
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
  return found
}

function parseLine(content: string, where: string): AlertLine {
  let value: unknown
  try {
    value = parseJson(content)
  } catch (cause) {
    throw new HieraxError('DATA_INVALID', `${where}: not JSON (${(cause as Error).message})`, { cause })
  }
  const parsed = line.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const field = String(issue?.path[0] ?? '')
    const got = shown((value as Record<string, unknown> | null)?.[field])
    const message = field === '' ? issue?.message : `field ${field}: ${issue?.message}, it is ${got}`
    throw new HieraxError('DATA_INVALID', `${where}, ${message}`)
  }
  const { objectId, candid, label, group, weak, conflict, night, file } = parsed.data
  return {
    objectId,
    candid: candid ?? null,
    label: label ?? null,
    group: group ?? null,
    doubtful: weak === true || conflict === true,
    night: night ?? null,
    file: file ?? null,
    where
  }
}
