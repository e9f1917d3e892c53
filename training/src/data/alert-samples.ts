import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type AdmissionSettings, admit } from 'hierax/alerts/admission.ts'
import type { Alert } from 'hierax/alerts/alert.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import { type ErrorCode, HieraxError } from 'hierax/errors.ts'
import { admittedCurve } from 'hierax/lightcurves/curve/gates.ts'
import { LightCurve } from 'hierax/lightcurves/curve/light-curve.ts'
import { mergeObservations } from 'hierax/lightcurves/curve/merge.ts'
import type { AlertPhotometry, AlertRecord, Observation } from 'hierax/lightcurves/points/observation.ts'
import { openPackets } from 'hierax/streams/files.ts'
import { groupBy, tally } from '../collections.ts'
import { conversionHint } from '../convert/hint.ts'
import { invalidLine, jsonLines } from '../light-curves/json-lines.ts'
import { topOf } from '../tree.ts'
import { type AlertLine, parseLine } from './alert-lines.ts'
import { nodeOfLabel } from './labelled.ts'

/** An alert with its label and the light curve of its object. */
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
  /** Whether the alert is not admitted: then it is not classified. */
  readonly refused: boolean
  readonly label: string | null
  /** The group in the line: a child of the root, or `bogus` or `solar-system`. */
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

/** Objects with their alerts, and notes on what was not read. */
export interface AlertData {
  readonly objects: readonly AlertObject[]
  readonly notes: readonly string[]
}

/** Points of every programme; the gates as the service has them by default. */
export const trainingAdmission: AdmissionSettings = {
  programs: [0, 1, 2, 3, 64],
  admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 }
}

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
  labels: ReadonlyMap<string, string> = new Map()
): Promise<AlertData> {
  const lines: AlertLine[] = []
  const packetPaths: string[] = []
  for (const each of paths) {
    if (!/\.(jsonl|ndjson|json)(\.gz)?$/i.test(each)) {
      packetPaths.push(each)
      continue
    }
    const found: AlertLine[] = []
    try {
      for await (const line of jsonLines(each)) found.push(parseLine(line))
    } catch (error) {
      if (found.length > 0 || !(error instanceof HieraxError) || error.code !== 'DATA_INVALID') throw error
      throw new HieraxError('DATA_INVALID', `${error.message}; ${await wanted(each)}`, { cause: error })
    }
    for (const line of found) lines.push(line)
    for (const packet of await packetsOf(each, found)) packetPaths.push(packet)
  }
  const { alerts, packets, unread } = await decodeAll([...new Set(packetPaths)])
  if (packets > 0 && alerts.size === 0) {
    throw new HieraxError('USAGE', `${paths.join(', ')}: no packet can be read: ${reasonsOf(unread)}`)
  }
  const known = new Map<string, LineFacts>([...labels].map(([objectId, label]) => [objectId, { ...unlabelled, label }]))
  for (const line of lines) known.set(keyOf(line.objectId, line.candid), line)
  const objects = [...alerts].map(([objectId, each]) => objectOf(objectId, each, known))
  const missing = lines.filter(({ candid, objectId }) =>
    candid === null ? !alerts.has(objectId) : !alerts.get(objectId)?.some(a => String(a.record.candid) === candid)
  )
  if (lines.length > 0 && missing.length === lines.length) {
    const { where, objectId, candid } = missing[0] as AlertLine
    const field = candid === null ? 'objectId' : 'candid'
    throw invalidLine(where, field, `no packet holds ${candid ?? objectId}, nor any other`)
  }
  const notes: string[] = []
  if (unread.length > 0) {
    notes.push(`Left out, as they cannot be read: ${unread.length} of ${packets} packets: ${reasonsOf(unread)}.`)
  }
  if (missing.length > 0) notes.push(`${missing.length} labels are of alerts that no packet holds.`)
  return { objects, notes }
}

/** What to do with a file that is neither packets nor lines about packets. */
async function wanted(file: string): Promise<string> {
  const hint = await conversionHint(file)
  const packets = 'alerts are Avro packets, or JSON lines that refer to them; light curves go to --data'
  return hint === null ? packets : `${packets}; ${hint}`
}

/** Packet files that the lines of a file are about. */
async function packetsOf(file: string, lines: readonly AlertLine[]): Promise<string[]> {
  const folder = path.dirname(file)
  const named = groupBy(
    lines.filter(line => line.file !== null),
    line => path.resolve(folder, line.file as string)
  )
  for (const [packet, [first]] of named) {
    await stat(packet).catch(cause => {
      throw new HieraxError('INPUT_NOT_FOUND', `${first?.where}, field file: ${packet} does not exist`, { cause })
    })
  }
  return named.size === 0 ? [folder] : [...named.keys()]
}

/** A packet that can't be decoded. */
interface Unread {
  readonly code: ErrorCode
  /** The packet and its error. */
  readonly text: string
}

/** Numbers of packets by reason, most first, each with the first packet. */
function reasonsOf(unread: readonly Unread[]): string {
  const reasons = [...groupBy(unread, ({ code }) => code)].sort((a, b) => b[1].length - a[1].length)
  return reasons.map(([code, some]) => `${code} ${some.length}, such as ${some[0]?.text}`).join('; ')
}

/** All alerts by object, each once, and the packets that can't be decoded. Throws where a file or an archive can't be read. */
async function decodeAll(
  paths: readonly string[]
): Promise<{ alerts: Map<string, Alert[]>; packets: number; unread: Unread[] }> {
  const alerts = new Map<bigint, Alert>()
  const unread: Unread[] = []
  const decoder = createDecoder()
  let packets = 0
  for await (const packet of paths.length === 0 ? [] : await openPackets(paths)) {
    if (packet.error !== null) throw packet.error
    packets++
    try {
      for (const alert of decoder.decode(packet.bytes, packet.key)) {
        if (!alerts.has(alert.record.candid)) alerts.set(alert.record.candid, alert)
      }
    } catch (thrown) {
      const { code, message } = HieraxError.from(thrown, 'DECODE_FAILED')
      const isFirst = !unread.some(each => each.code === code)
      const hint = code === 'NOT_A_CONTAINER' && isFirst ? `; ${await wanted(packet.path)}` : ''
      unread.push({ code, text: `${packet.path} (${message}${hint})` })
    }
  }
  return { alerts: groupBy(alerts.values(), ({ objectId }) => objectId), packets, unread }
}

/** What lines state about an alert, or about all alerts of an object. */
type LineFacts = Pick<AlertSample, 'label' | 'group' | 'doubtful' | 'night'>
const unlabelled: LineFacts = { label: null, group: null, doubtful: false, night: null }

/** The key of an alert, or of all alerts of an object. */
function keyOf(objectId: string, candid: bigint | string | null): string {
  return candid === null ? objectId : `${objectId}/${candid}`
}

function objectOf(objectId: string, alerts: readonly Alert[], known: ReadonlyMap<string, LineFacts>): AlertObject {
  const admitted = alerts.map(alert => admit(alert, trainingAdmission))
  const whole = mergeObservations(
    LightCurve.empty,
    admitted.flatMap(({ observations }) => [...observations])
  )
  const curve = admittedCurve(whole, trainingAdmission.admit)
  const samples = admitted.flatMap(({ record, observations, rejection }): AlertSample[] => {
    const { jd, candid, photometry } = record
    if (photometry === null) return []
    const { detections } = curve.upTo(jd)
    const facts = known.get(keyOf(objectId, candid)) ?? known.get(objectId) ?? unlabelled
    const { label, group, doubtful, night } = facts
    const view = { jd, magnitude: photometry.magnitude, context: photometry.context }
    const alert = { ...record, photometry }
    const refused = rejection !== null || detections === 0
    return [{ alert, view, curve, jd, detections, packet: [...observations], refused, label, group, doubtful, night }]
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

/** Groups of alerts that are no astronomical class of any tree. */
const noClass: ReadonlySet<string> = new Set(['bogus', 'artefact', 'solar-system', 'asteroid'])

/**
 * The alerts for the fit: classified, with a certain label, and of a label that the taxonomy knows. A group that is no class, or
 * that names another child of the root than the label's, leaves an alert out.
 */
export function knownAlerts(
  taxonomy: Taxonomy,
  objects: readonly AlertObject[]
): { readonly alerts: readonly KnownAlert[]; readonly notes: readonly string[] } {
  const unknown: string[] = []
  const alerts = objects.flatMap(object => {
    const usable = object.samples.flatMap(sample => {
      const { label, group, doubtful, refused } = sample
      if (label === null || doubtful || refused || isNoClass(group)) return []
      const node = nodeOfLabel(taxonomy, label)
      const top = topOfGroup(taxonomy, group)
      if (top >= 0 && node !== null && node >= 0 && topOf(taxonomy, node) !== top) return []
      if (node === null) unknown.push(label)
      return node === null || node < 0 ? [] : [{ sample, node }]
    })
    const share = 0.5 / usable.length
    return usable.map((each, at): KnownAlert => {
      return { object, ...each, weight: share + (at === usable.length - 1 ? 0.5 : 0) }
    })
  })
  const count = new Set(alerts.map(({ object }) => object.objectId)).size
  const notes = [`Context: ${alerts.length} alerts of ${count} objects have labels of the taxonomy ${taxonomy.name}.`]
  if (unknown.length > 0) {
    const labels = [...tally(unknown)].sort((a, b) => b[1] - a[1]).map(([label, alerts]) => `${label} (${alerts})`)
    notes.push(`Left out, as the taxonomy does not know their labels, by alerts: ${labels.join(', ')}.`)
  }
  return { alerts, notes }
}

function isNoClass(group: string | null): boolean {
  return group !== null && noClass.has(group.toLowerCase())
}

/** The child of the root that a group is named after, in any case; −1 for none. */
export function topOfGroup(taxonomy: Taxonomy, group: string | null): number {
  const given = group?.normalize('NFC').toLowerCase()
  return taxonomy.nodes.findIndex(({ name }, node) => taxonomy.parents[node] === -1 && name.toLowerCase() === given)
}

/** The child of the root to which an alert belongs: by its group if that is one, otherwise by its label; −1 if it is unknown. */
export function topOfSample(taxonomy: Taxonomy, { group, label, doubtful }: AlertSample): number {
  const top = topOfGroup(taxonomy, group)
  if (top >= 0) return top
  if (label === null || doubtful || isNoClass(group)) return -1
  return topOf(taxonomy, nodeOfLabel(taxonomy, label) ?? -1)
}
