import { createHash } from 'node:crypto'

/**
 * The fold of an object, 0 … folds − 1: by a hash of its id, so that it stays where it is when others come or go. Another seed
 * gives another division.
 */
export function foldOf(id: string, folds: number, seed: number): number {
  return Math.floor(share(id, `folds:${seed}`) * folds)
}

/** Whether an object belongs to a held-out part of the given size (0–1), drawn independently of the folds. */
export function isHeldOut(id: string, part: number, seed: number): boolean {
  return share(id, `held-out:${seed}`) < part
}

/** A number in [0, 1) that looks random and is a function of its arguments. */
function share(id: string, salt: string): number {
  return createHash('sha256').update(`${salt}:${id}`).digest().readUInt32LE(0) / 2 ** 32
}
