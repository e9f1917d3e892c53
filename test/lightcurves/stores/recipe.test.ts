import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import {
  checkedRecord,
  decodeRecord,
  editRecord,
  mergedAt,
  mergeIntoRecord
} from '../../../src/lightcurves/records/object-record.ts'
import { type CellRange, cellOf } from '../../../src/lightcurves/sky.ts'
import type {
  Addition,
  CachedState,
  ObjectState,
  OpenStore,
  StoredObject,
  StoreKind,
  StoreStatistics
} from '../../../src/lightcurves/store.ts'
import { JournalFiles } from '../../../src/lightcurves/stores/journal-files.ts'
import { openStore, storeKinds } from '../../../src/lightcurves/stores/open.ts'
import { testJournal, testStore } from './contract.ts'

/*
 * The recipe of CONTRIBUTING.md, "Another store": a class that implements `Store`, and an entry of `storeKinds`. This one keeps a
 * file for each object. Merges of one process are atomic, as all of its work on a file is synchronous.
 */
class FileStore implements OpenStore {
  programs: readonly number[]
  readonly journal: JournalFiles
  readonly #folder: string

  constructor(folder: string, programs: readonly number[]) {
    this.#folder = folder
    this.programs = programs
    this.journal = new JournalFiles(path.join(folder, 'journal'))
    for (const name of ['objects', 'cache']) fs.mkdirSync(path.join(folder, name), { recursive: true })
  }

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    return additions.map(addition => {
      const { state, record } = mergeIntoRecord(this.#record(addition.objectId), addition, Date.now())
      fs.writeFileSync(this.#file('objects', addition.objectId), record, { flush: true })
      return state
    })
  }

  async get(objectId: string): Promise<ObjectState | null> {
    const record = this.#record(objectId)
    return record && decodeRecord(objectId, record)
  }

  async readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]> {
    return keys.map(key => read(this.#cached(key)))
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    for (const each of states) fs.writeFileSync(this.#cached(each), each.state)
  }

  async prune(before: number): Promise<number> {
    const old = this.#names().filter(objectId => mergedAt(this.#record(objectId) as Buffer) < before)
    return (await this.remove(old)).length
  }

  async remove(objectIds: readonly string[]): Promise<string[]> {
    const names = this.#names()
    const held = objectIds.filter(objectId => names.includes(objectId))
    for (const objectId of held) {
      fs.rmSync(this.#file('objects', objectId))
      this.#forget(objectId)
    }
    return held
  }

  async edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    for (const objectId of objectIds) {
      const record = this.#record(objectId)
      const edited = record ? editRecord(objectId, record, edit) : null
      if (edited === null) continue
      this.#forget(objectId)
      if (edited.record === null) fs.rmSync(this.#file('objects', objectId))
      else fs.writeFileSync(this.#file('objects', objectId), edited.record, { flush: true })
    }
  }

  async setPrograms(programs: readonly number[]): Promise<void> {
    this.programs = programs
  }

  async *objectIds(after = ''): AsyncIterable<string> {
    yield* this.#names()
      .filter(name => name > after)
      .sort()
  }

  async idsIn(cells: readonly CellRange[]): Promise<string[]> {
    const cellOfObject = (objectId: string): number =>
      cellOf(decodeRecord(objectId, this.#record(objectId) as Buffer).newest)
    return this.#names().filter(name =>
      cells.some(([first, last]) => first <= cellOfObject(name) && cellOfObject(name) <= last)
    )
  }

  async *records(): AsyncIterable<StoredObject> {
    for (const objectId of this.#names()) yield checkedRecord(objectId, this.#record(objectId) as Buffer)
  }

  async statistics(): Promise<StoreStatistics> {
    return { objects: this.#names().length, bytes: 0, freeBytes: null }
  }

  trouble(): string | null {
    return null
  }

  lost(): boolean {
    return false
  }

  async close(): Promise<void> {}

  /** Drops the cached states of an object. */
  #forget(objectId: string): void {
    for (const name of fs.readdirSync(path.join(this.#folder, 'cache')))
      if (name.endsWith(`-${objectId}`)) fs.rmSync(this.#file('cache', name))
  }

  #names(): string[] {
    return fs.readdirSync(path.join(this.#folder, 'objects'))
  }

  #record(objectId: string): Buffer | null {
    return read(this.#file('objects', objectId))
  }

  #file(kind: 'objects' | 'cache', name: string): string {
    return path.join(this.#folder, kind, name)
  }

  #cached({ objectId, modelSha256 }: { objectId: string; modelSha256: string }): string {
    return this.#file('cache', `${modelSha256}-${objectId}`)
  }
}

function read(file: string): Buffer | null {
  return fs.existsSync(file) ? fs.readFileSync(file) : null
}

const files: StoreKind = {
  form: 'files:DIR',
  matches: /^files:./,
  open: async (url, { programs }) => new FileStore(url.slice('files:'.length), programs)
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-files-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const open = () => openStore(`files:${folder}`, { programs: [1] }, [...storeKinds, files])

testStore('made-up', open)
testJournal('made-up', open)

test('a URL that no kind of store takes is refused with the forms of all of them', async () => {
  await assert.rejects(openStore('mongo://x', { programs: [1] }, [...storeKinds, files]), {
    code: 'CONFIG_INVALID',
    message: 'store.url is "mongo://x"; it takes lmdb:DIR, valkey://host:port/db, memory: or files:DIR'
  })
})
