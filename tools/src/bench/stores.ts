/**
 * `npm run bench:stores`: merges one alert into each of many objects of 30 points, in every kind of store in turn. Prints JSON: objects
 * per second, and the ratio to LMDB. See docs/performance.md. Starts a local `valkey-server` or `redis-server` for each setting.
 * `--rounds N` (5), `--objects N` (1000), `--batch N` (100), `--lanes N` (4: concurrent batches).
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Addition, Store } from 'hierax/lightcurves/store.ts'
import { openStore } from 'hierax/lightcurves/stores/open.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { ValkeyServer } from '../../../test/support/valkey.ts'
import { additionAt } from './micro/light-curves.ts'

const number = { type: 'string' } as const
const { values } = parseArgs({ options: { rounds: number, objects: number, batch: number, lanes: number } })
const [rounds, objects] = [Number(values.rounds ?? 5), Number(values.objects ?? 1000)]
const [batch, lanes] = [Number(values.batch ?? 100), Number(values.lanes ?? 4)]

/** Points per object before the measured merges. */
const points = 30

/** Persistence settings of the measured servers. */
const persistence: Readonly<Record<string, readonly string[]>> = {
  'valkey, appendfsync always': [],
  'valkey, appendfsync everysec': ['--appendfsync', 'everysec'],
  'valkey, appendonly no': ['--appendonly', 'no']
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-bench-stores-'))
const servers: ValkeyServer[] = []
const stores = new Map<string, Store>()
const rates = new Map<string, number[]>()

/** One alert of every object, in batches. */
function batches(index: number): Addition[][] {
  const additions = Array.from({ length: objects }, (_, object) => additionAt(`ZTF26bench${object}`, index))
  return Array.from({ length: Math.ceil(objects / batch) }, (_, at) => additions.slice(at * batch, (at + 1) * batch))
}

/** Merges batches concurrently; resolves with objects per second. */
async function merge(store: Store, all: readonly Addition[][]): Promise<number> {
  const remaining = [...all]
  const began = performance.now()
  const worker = async (): Promise<void> => {
    for (let next = remaining.shift(); next; next = remaining.shift()) await store.merge(next)
  }
  await Promise.all(Array.from({ length: lanes }, worker))
  return (1000 * objects) / (performance.now() - began)
}

async function openAll(): Promise<void> {
  stores.set('memory', await openStore('memory:', { programs: [1] }))
  stores.set('lmdb', await openStore(`lmdb:${path.join(folder, 'lmdb')}`, { programs: [1] }))
  const available = ['valkey-server', 'redis-server'].some(name => spawnSync(name, ['--version']).status === 0)
  if (!available) process.stderr.write('no valkey-server or redis-server: only memory and LMDB are measured\n')
  for (const [name, options] of available ? Object.entries(persistence) : []) {
    const at = path.join(folder, String(servers.length))
    fs.mkdirSync(at)
    const server = new ValkeyServer(await freePort(), at, options)
    servers.push(server)
    await server.start()
    stores.set(name, await openStore(`${server.url}/0`, { programs: [1] }))
  }
}

try {
  await openAll()
  const history = Array.from({ length: objects }, (_, object) => additionAt(`ZTF26bench${object}`, points, points))
  for (const store of stores.values())
    for (let at = 0; at < objects; at += batch) await store.merge(history.slice(at, at + batch))
  for (let round = 1; round <= rounds; round++) {
    for (const [name, store] of stores) {
      rates.set(name, [...(rates.get(name) ?? []), await merge(store, batches(points + round))])
    }
  }
} finally {
  for (const store of stores.values()) await store.close()
  for (const server of servers) await server.kill()
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN
const lmdb = rates.get('lmdb') ?? []
const report = [...rates].map(([store, list]) => ({
  store,
  objectsPerSecond: list.map(Math.round),
  /** Compared within each round, because the machine's load may vary between rounds. */
  ratioToLmdb: Math.round(100 * median(list.map((rate, round) => rate / (lmdb[round] as number)))) / 100
}))
process.stdout.write(`${JSON.stringify({ settings: { points, objects, batch, lanes }, report }, null, 2)}\n`)
