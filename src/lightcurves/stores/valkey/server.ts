import { HieraxError } from '../../../errors.ts'
import type { ValkeyConnection } from './connection.ts'

/** What Hierax needs to know about a server. */
export interface ServerFacts {
  /** Bytes that it uses, and bytes that it may still use (null: there is no limit). */
  readonly usedBytes: number
  readonly freeBytes: number | null
  /** How writes reach its disk: `no`, or how often an append-only file is synced. */
  readonly persistence: 'no' | 'always' | 'everysec' | 'appended'
}

/** Oldest version with all commands that are used (ZADD GT). */
const oldest = [6, 2] as const

/** Reads the facts of a server; numbers that it does not report are 0. */
export async function serverFacts(connection: ValkeyConnection): Promise<ServerFacts> {
  return factsOf(await info(connection), null)
}

/**
 * Checks a server before it is used.
 *
 * @throws {HieraxError} STORE_REFUSED for a server that would lose light curves or lacks what is needed.
 */
export async function checkServer(connection: ValkeyConnection): Promise<ServerFacts> {
  const fields = await info(connection)
  const refuse = (what: string): HieraxError => new HieraxError('STORE_REFUSED', `${connection.address.shown} ${what}`)
  const version = fields.get('redis_version') ?? ''
  const [major, minor] = version.split('.').map(Number)
  if (version !== '' && ((major ?? 0) < oldest[0] || (major === oldest[0] && (minor ?? 0) < oldest[1]))) {
    throw refuse(`is version ${version}; Redis ${oldest.join('.')} or later, or Valkey, is needed`)
  }
  if (fields.get('redis_mode') === 'cluster' || fields.get('cluster_enabled') === '1') {
    throw refuse('is a node of a cluster, which is not supported: name a single server, or a primary with replicas')
  }
  if (fields.get('role') === 'slave') throw refuse('is a read-only replica: name its primary')
  const policy = fields.get('maxmemory_policy') ?? ''
  if (policy.startsWith('allkeys')) {
    throw refuse(`evicts keys (maxmemory-policy ${policy}), light curves among them: set noeviction or volatile-lru`)
  }
  return factsOf(fields, await appendFsync(connection))
}

function factsOf(fields: ReadonlyMap<string, string>, fsync: string | null): ServerFacts {
  const used = Number(fields.get('used_memory') ?? 0)
  const limit = Number(fields.get('maxmemory') ?? 0)
  return {
    usedBytes: used,
    freeBytes: limit > 0 ? Math.max(0, limit - used) : null,
    persistence:
      fields.get('aof_enabled') !== '1' ? 'no' : fsync === 'always' || fsync === 'everysec' ? fsync : 'appended'
  }
}

/** How often the append-only file is synced; null if the server does not say. */
async function appendFsync(connection: ValkeyConnection): Promise<string | null> {
  try {
    const reply = (await connection.call('CONFIG', 'GET', 'appendfsync')) as Buffer[]
    return reply[1]?.toString() ?? null
  } catch {
    return null
  }
}

async function info(connection: ValkeyConnection): Promise<Map<string, string>> {
  const text = String(await connection.call('INFO'))
  return new Map(
    text
      .split(/\r?\n/)
      .filter(line => line.includes(':'))
      .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)])
  )
}

/** What operators should know of a server that does not sync every write. */
export const durability = {
  no: 'the server keeps no append-only file (appendonly no): what it has merged since its last snapshot is lost when it ends',
  everysec:
    'the server syncs its append-only file every second: a power loss may take the last second (appendfsync always does not)',
  appended: 'the server may not sync its append-only file with every write: a power loss may take what it merged last'
} as const
