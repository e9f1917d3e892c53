import { createHash } from 'node:crypto'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { shown } from 'hierax/errors.ts'
import { tally } from '../collections.ts'
import { invalidLine } from '../light-curves/json-lines.ts'
import type { PhotometryKind, SimulatedPoint } from '../light-curves/light-curve.ts'
import { lightCurveLines } from '../light-curves/read-light-curves.ts'

/** An object with its published label and its light curve as difference photometry. */
export interface LabelledObject {
  /** ZTF object id, or its name in another catalogue; folds are made from it. */
  readonly id: string
  /** Published type, for example `SN Ia-91T-like`. */
  readonly label: string
  /** The public collection it came from. */
  readonly source: string
  readonly photometry: PhotometryKind
  /** In time order; upper limits among them. */
  readonly points: readonly SimulatedPoint[]
  readonly detections: number
}

/** A labelled object whose label the taxonomy knows. */
export interface KnownObject extends LabelledObject {
  /** Index of the label's node in the taxonomy, a leaf or an inner node; −1 for the root, which excludes no class. */
  readonly node: number
}

/** Objects, divided by whether a taxonomy has their labels. */
export interface KnownSet {
  readonly objects: readonly KnownObject[]
  /** Numbers of objects by labels that the taxonomy doesn't know, most first: left out. */
  readonly unknownLabels: readonly (readonly [label: string, objects: number])[]
  /** Ids of objects without any detection: left out. */
  readonly undetected: readonly string[]
}

/**
 * Reads labelled light curves from JSON Lines files, as {@link lightCurveLines} does; every line needs `label` and `photometry`. With
 * `unlabelled`, `label` may be missing and is empty then. Throws DATA_INVALID naming line and field, INPUT_NOT_FOUND.
 * Labels are normalised to NFC.
 */
export async function readLabelled(
  files: readonly string[],
  { unlabelled = false }: { readonly unlabelled?: boolean } = {}
): Promise<LabelledObject[]> {
  const objects: LabelledObject[] = []
  const origins = new Map<string, string>()
  for (const file of files) {
    for await (const { id, label, source, photometry, points, where } of lightCurveLines(file)) {
      if (photometry === null) throw invalidLine(where, 'photometry', 'it is missing')
      if (!label && !unlabelled) throw invalidLine(where, 'label', 'it is missing')
      const name = id.normalize('NFC')
      const earlier = origins.get(name)
      if (earlier !== undefined) throw invalidLine(where, 'id', `${shown(id)} was given already (${earlier})`)
      origins.set(name, where)
      const detections = points.filter(point => point.detection).length
      objects.push({ id, label: (label ?? '').normalize('NFC'), source, photometry, points, detections })
    }
  }
  return objects
}

/** Finds the node of every label. What the taxonomy doesn't know is left out and counted, never guessed. */
export function knownTo(taxonomy: Taxonomy, objects: readonly LabelledObject[]): KnownSet {
  const found = objects.map(object => ({ ...object, node: nodeOfLabel(taxonomy, object.label) }))
  const unknown = tally(found.filter(({ node }) => node === null).map(({ label }) => label))
  const labelled = found.filter((object): object is KnownObject => object.node !== null)
  return {
    objects: labelled.filter(({ detections }) => detections > 0),
    unknownLabels: [...unknown].sort((a, b) => b[1] - a[1]),
    undetected: labelled.filter(({ detections }) => detections === 0).map(({ id }) => id)
  }
}

/** Node of a published label in any Unicode normalisation, by the taxonomy's map, otherwise by the node's name; −1 for the root, null if unknown. */
export function nodeOfLabel(taxonomy: Taxonomy, label: string): number | null {
  const given = label.normalize('NFC')
  const name = taxonomy.labels.get(given) ?? given
  if (name === taxonomy.root) return -1
  const node = taxonomy.indexOf(name)
  return node < 0 ? null : node
}

/**
 * The fold of an object, 0 … folds − 1: by a hash of its id, so that it stays where it is when others come or go. Another seed
 * gives another division.
 */
export function foldOf(id: string, folds: number, seed: number): number {
  return Math.floor(hashedShare(id, `folds:${seed}`) * folds)
}

/** Whether an object belongs to a held-out part of the given size (0–1), drawn independently of the folds. */
export function isHeldOut(id: string, part: number, seed: number): boolean {
  return hashedShare(id, `held-out:${seed}`) < part
}

/** A number in [0, 1) that looks random and is a function of its arguments. */
export function hashedShare(id: string, salt: string): number {
  return createHash('sha256').update(`${salt}:${id}`).digest().readUInt32LE(0) / 2 ** 32
}
