import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type AdmissionSettings, admit } from 'hierax/alerts/admission.ts'
import type { Alert } from 'hierax/alerts/alert.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import { HieraxError, shown } from 'hierax/errors.ts'
import { admittedCurve } from 'hierax/lightcurves/gates.ts'
import { LightCurve } from 'hierax/lightcurves/light-curve.ts'
import { mergeObservations } from 'hierax/lightcurves/merge.ts'
import type { AlertPhotometry, AlertRecord, Observation } from 'hierax/lightcurves/observation.ts'
import { openPackets } from 'hierax/streams/files.ts'
import { z } from 'zod'
import { type JsonLine, jsonLines } from '../light-curves/json-lines.ts'
import { topOf } from '../tree.ts'
import { nodeOfLabel } from './labelled.ts'

/** An alert with what is known of it and the light curve of its object. */
export interface AlertSample {
  readonly alert: AlertRecord & { readonly photometry: AlertPhotometry }
  readonly view: AlertView
  /** Points that pass the gates, of all packets of the object; use those up to `jd`. */
  readonly curve: LightCurve
  readonly jd: number
  /** Detections up to `jd` that pass the gates. */
  readonly detections: number
  /** Points of the alert's own packet. */
  readonly packet: readonly Observation[]
  /** Whether a gate turns the alert itself away: it gets no answer. */
  readonly refused: boolean
  readonly label: string | null
  /** As the line has it: a child of the root, or what is no class. */
  readonly group: string | null
  readonly doubtful: boolean
  readonly night: string | null
}

/** An object with its alerts, oldest first. */
export interface AlertObject {
  readonly objectId: string
  /** Label of its latest labelled alert. */
  readonly label: string | null
  readonly samples: readonly AlertSample[]
}

/** Objects with their alerts, and what became of the input, in words. */
export interface AlertData {
  readonly objects: readonly AlertObject[]
  readonly notes: readonly string[]
}

/** How packets are read. */
export interface AlertReading {
  /** Labels by object id, for packets of which no line says anything. */
  readonly labels?: ReadonlyMap<string, string>
  readonly admission?: AdmissionSettings
}

/** Points of every programme; the gates as the service has them by default. */
export const trainingAdmission: AdmissionSettings = {
  programs: [0, 1, 2, 3, 64],
  admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 }
}

/** Reasons that are listed in full. */
const toldReasons = 3

/**
 * Reads labelled alert packets. Each path is
 *
 * - a JSON Lines file (`.jsonl`, `.jsonl.gz`): one line an alert (`objectId`, `candid`, `label`) or an object (`objectId`, `label`).
 *   The packets are the `file` of each line, relative to the lines' own folder; where no line names one, all packets in that
 *   folder; or
 * - packets: a file, a folder or a tar archive, as `hierax classify` takes them. Their labels come from `labels`, by object id.
 *
 * All packets of an object are merged into one light curve, by the rules of the service. Throws DATA_INVALID and INPUT_NOT_FOUND
 * naming file, line and field.
 */
export async function readAlertSamples(
  paths: readonly string[],
  { labels = new Map(), admission = trainingAdmission }: AlertReading = {}
): Promise<AlertData> {
  const lines: AlertLine[] = []
  const packetPaths: string[] = []
  for (const each of paths) {
    if (!/\.(jsonl|ndjson|json)(\.gz)?$/i.test(each)) {
      packetPaths.push(each)
      continue
    }
    const found = await readAlertLines(each)
    lines.push(...found)
    packetPaths.push(...(await packetsOf(each, found)))
  }
  const { alerts, unread } = await decodeAll([...new Set(packetPaths)])
  const known = new LineIndex(lines, labels)
  const objects = [...alerts].map(([objectId, each]) => objectOf(objectId, each, known, admission))
  const missing = lines.filter(({ candid, objectId }) =>
    candid === null ? !alerts.has(objectId) : !alerts.get(objectId)?.some(a => String(a.record.candid) === candid)
  )
  if (lines.length > 0 && missing.length === lines.length) {
    const { where, objectId, candid } = missing[0] as AlertLine
    const field = candid === null ? 'objectId' : 'candid'
    throw new HieraxError(
      'DATA_INVALID',
      `${where}, field ${field}: no packet holds ${candid ?? objectId}, nor any other`
    )
  }
  const notes = unread.length > 0 ? [`${unread.length} packet files could not be read: ${unreadText(unread)}.`] : []
  if (missing.length > 0) notes.push(`${missing.length} labels are of alerts that no packet holds.`)
  return { objects, notes }
}

/** Packet files that the lines of a file are about. */
async function packetsOf(file: string, lines: readonly AlertLine[]): Promise<string[]> {
  const folder = path.dirname(file)
  const named = new Map<string, string>()
  for (const { file: name, where } of lines) if (name !== null && !named.has(name)) named.set(name, where)
  if (named.size === 0) return [folder]
  const found: string[] = []
  for (const [name, where] of named) {
    const packet = path.resolve(folder, name)
    try {
      await stat(packet)
    } catch (cause) {
      throw new HieraxError('INPUT_NOT_FOUND', `${where}, field file: ${packet} does not exist`, { cause })
    }
    found.push(packet)
  }
  return found
}

/** All alerts by object, each once, and why files could not be read. */
async function decodeAll(paths: readonly string[]): Promise<{ alerts: Map<string, Alert[]>; unread: string[] }> {
  const alerts = new Map<string, Alert[]>()
  const unread: string[] = []
  if (paths.length === 0) return { alerts, unread }
  const decoder = createDecoder()
  const seen = new Set<bigint>()
  for await (const packet of await openPackets(paths)) {
    try {
      if (packet.error !== null) throw packet.error
      for (const alert of decoder.decode(packet.bytes)) {
        if (seen.has(alert.record.candid)) continue
        seen.add(alert.record.candid)
        const list = alerts.get(alert.objectId)
        if (list === undefined) alerts.set(alert.objectId, [alert])
        else list.push(alert)
      }
    } catch (thrown) {
      unread.push(`${packet.path} (${HieraxError.from(thrown, 'DECODE_FAILED').message})`)
    }
  }
  return { alerts, unread }
}

function unreadText(unread: readonly string[]): string {
  const more = unread.length - toldReasons
  return `${unread.slice(0, toldReasons).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** What is known of alerts, by candid, else by object. */
class LineIndex {
  readonly #byCandid = new Map<string, AlertLine>()
  readonly #byObject = new Map<string, Omit<AlertLine, 'where' | 'file' | 'candid' | 'objectId'>>()
  readonly #unknown = { label: null, group: null, doubtful: false, night: null }

  constructor(lines: readonly AlertLine[], labels: ReadonlyMap<string, string>) {
    for (const [objectId, label] of labels) this.#byObject.set(objectId, { ...this.#unknown, label })
    for (const line of lines) {
      if (line.candid === null) this.#byObject.set(line.objectId, line)
      else this.#byCandid.set(`${line.objectId}/${line.candid}`, line)
    }
  }

  of(objectId: string, candid: bigint) {
    return this.#byCandid.get(`${objectId}/${candid}`) ?? this.#byObject.get(objectId) ?? this.#unknown
  }
}

function objectOf(
  objectId: string,
  alerts: readonly Alert[],
  known: LineIndex,
  admission: AdmissionSettings
): AlertObject {
  const admitted = alerts.map(alert => admit(alert, admission))
  const whole = mergeObservations(
    LightCurve.empty,
    admitted.flatMap(({ observations }) => observations)
  )
  const curve = admittedCurve(whole, admission.admit)
  const samples = admitted.flatMap(({ record, observations, refusal }): AlertSample[] => {
    const { jd, candid, photometry } = record
    if (photometry === null) return []
    const { detections } = curve.upTo(jd)
    const { label, group, doubtful, night } = known.of(objectId, candid)
    const view = { jd, magnitude: photometry.magnitude, context: photometry.context }
    const alert = { ...record, photometry }
    const refused = refusal !== null || detections === 0
    return [{ alert, view, curve, jd, detections, packet: observations, refused, label, group, doubtful, night }]
  })
  samples.sort((a, b) => a.jd - b.jd || (a.alert.candid < b.alert.candid ? -1 : 1))
  return { objectId, label: samples.findLast(({ label }) => label !== null)?.label ?? null, samples }
}

/** A labelled alert that the taxonomy knows. */
export interface KnownAlert {
  readonly object: AlertObject
  readonly sample: AlertSample
  /** Index of the label's node. */
  readonly node: number
  /** Part of the object's weight of 1: half of it is the last alert's, half is shared by all. */
  readonly weight: number
}

/** Labelled alerts that a taxonomy knows, and what was left out, in words. */
export interface KnownAlerts {
  readonly alerts: readonly KnownAlert[]
  readonly notes: readonly string[]
}

/** Groups of alerts that are no astronomical class of any tree. */
const noClass: ReadonlySet<string> = new Set(['bogus', 'artefact', 'solar-system', 'asteroid'])

/**
 * The alerts to fit to: answered, labelled without doubt, and of a label that the taxonomy knows. A group that is no class, or
 * that names another child of the root than the label's, leaves an alert out.
 */
export function knownAlerts(taxonomy: Taxonomy, objects: readonly AlertObject[]): KnownAlerts {
  const alerts: KnownAlert[] = []
  const unknown = new Map<string, number>()
  for (const object of objects) {
    const usable = object.samples.flatMap(sample => {
      const { label, group, doubtful, refused } = sample
      if (label === null || doubtful || refused) return []
      if (group !== null && noClass.has(group.toLowerCase())) return []
      const node = nodeOfLabel(taxonomy, label)
      const top = group === null ? -1 : topOfGroup(taxonomy, group)
      if (top >= 0 && node !== null && node >= 0 && topOf(taxonomy, node) !== top) return []
      if (node === null) unknown.set(label, (unknown.get(label) ?? 0) + 1)
      return node === null || node < 0 ? [] : [{ sample, node }]
    })
    for (const [at, { sample, node }] of usable.entries()) {
      const isLast = at === usable.length - 1
      alerts.push({ object, sample, node, weight: 0.5 / usable.length + (isLast ? 0.5 : 0) })
    }
  }
  const count = new Set(alerts.map(({ object }) => object.objectId)).size
  const notes = [`Context: ${alerts.length} alerts of ${count} objects have labels of the taxonomy ${taxonomy.name}.`]
  if (unknown.size > 0) {
    const labels = [...unknown].sort((a, b) => b[1] - a[1]).map(([label, alerts]) => `${label} (${alerts})`)
    notes.push(`Left out, as the taxonomy does not know their labels, by alerts: ${labels.join(', ')}.`)
  }
  return { alerts, notes }
}

/** The child of the root that a group is named after, in any case; −1 for none. */
export function topOfGroup(taxonomy: Taxonomy, group: string): number {
  return taxonomy.nodes.findIndex(
    ({ name }, node) => taxonomy.parents[node] === -1 && name.toLowerCase() === group.toLowerCase()
  )
}

/** The child of the root that an alert belongs to: by its group where that names one, else by its label; −1 where that is not known. */
export function topOfSample(taxonomy: Taxonomy, { group, label, doubtful }: AlertSample): number {
  const top = group === null ? -1 : topOfGroup(taxonomy, group)
  if (top >= 0) return top
  if (label === null || doubtful || (group !== null && noClass.has(group.toLowerCase()))) return -1
  const node = nodeOfLabel(taxonomy, label)
  return node === null || node < 0 ? -1 : topOf(taxonomy, node)
}

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
  for await (const each of jsonLines(path)) found.push(parseLine(each))
  return found
}

function parseLine({ value, where }: JsonLine): AlertLine {
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
