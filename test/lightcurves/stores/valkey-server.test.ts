import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'iovalkey'
import type { Addition, Store } from '../../../src/lightcurves/store.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { valkeyAddress } from '../../../src/lightcurves/stores/valkey/connection.ts'
import { ValkeyStore } from '../../../src/lightcurves/stores/valkey/store.ts'
import { certificate } from '../../support/certificates.ts'
import { runHierax } from '../../support/service.ts'
import { until } from '../../support/until.ts'
import { valkey } from '../../support/valkey.ts'
import { detectionAt } from '../observations.ts'

/** The least rights that docs/state.md names. */
const rights = '~hierax:* +@all -@admin -@dangerous +info +config|get'
const withUsers = await valkey(true, [
  ...['--user', 'hierax', 'on', '>right', ...rights.split(' ')],
  ...['--user', 'reader', 'on', '>right', '~hierax:*', '+@read', '+@connection', '+info']
])
const files = await certificate()
const secured = await valkey(true, [
  ...['--port', '0', '--tls-port', '{port}', '--tls-auth-clients', 'no', '--requirepass', 'right'],
  ...['--tls-cert-file', files.certFile, '--tls-key-file', files.keyFile, '--tls-ca-cert-file', files.certFile]
])
const cluster = await valkey(true, ['--cluster-enabled', 'yes'])
const { skip, url, server } = await valkey(true)

const add = (objectId: string, day: number): Addition => ({
  objectId,
  observations: [detectionAt(2459000.5 + day)],
  alerts: []
})
const as = (user: string, server: { readonly url: string }): string => server.url.replace('://', `://${user}@`)
const points = async (store: Store, objectId: string): Promise<number> => (await store.get(objectId))?.curve.length ?? 0

describe('who may use a server', { skip }, () => {
  test('a user with the least rights can do all that a store does', async t => {
    const store = await openStore(`${as('hierax:right', withUsers)}/0`, { programs: [1] })
    await store.merge([add('A', 1), add('B', 1)])
    await store.writeCache([{ objectId: 'A', modelSha256: 'm'.repeat(64), state: Buffer.from([1]) }])
    assert.ok((await store.readCache([{ objectId: 'A', modelSha256: 'm'.repeat(64) }]))[0])
    await store.journal?.write('group/topic/0', 'note')
    assert.equal(await store.journal?.read('group/topic/0'), 'note')
    assert.equal((await store.statistics()).objects, 2)
    const ids: string[] = []
    for await (const id of store.objectIds()) ids.push(id)
    assert.deepEqual(ids.sort(), ['A', 'B'])
    const raw = new Redis(`${as('hierax:right', withUsers).replace(/^valkey/, 'redis')}/0`)
    t.after(() => raw.disconnect())
    await raw.del('hierax:o:A')
    await raw.rpush('hierax:o:A', 'mine')
    await raw.set('hierax:merged', 'mine')
    await store.merge([add('A', 2), add('B', 2)])
    assert.deepEqual([await points(store, 'A'), await points(store, 'B')], [1, 2], 'it may move such values away')
    assert.equal(await store.prune(Date.now() + 1000), 2)
    await store.close()
  })

  test('one that lacks them gets an error without secrets: at the start, or when something is merged', async () => {
    await assert.rejects(openStore(`${as('reader:right', withUsers)}/1`, { programs: [1] }), (error: Error) => {
      assert.match(error.message, /the user lacks permissions/)
      assert.doesNotMatch(error.message, /right@/)
      return true
    })
    const store = await openStore(`${as('reader:right', withUsers)}/0`, { programs: [1] })
    await assert.rejects(store.merge([add('A', 1)]), /the user lacks permissions/)
    assert.equal(store.trouble(), 'the user lacks permissions')
    await store.close()
  })

  test('TLS: a certificate that NODE_EXTRA_CA_CERTS vouches for is taken, another refused', async () => {
    const verify = (settings: Record<string, string>) =>
      runHierax(['store', 'import', '--store', `${as(':right', secured).replace('valkey:', 'valkeys:')}/0`], {
        settings,
        input: Buffer.from('{"format":"hierax-store","version":1,"programs":[1]}\n{"objects":0}\n')
      })
    const trusted = await verify({ NODE_EXTRA_CA_CERTS: files.certFile })
    assert.deepEqual([trusted.code, /0 objects imported/.test(trusted.stderr)], [0, true], trusted.stderr)
    assert.doesNotMatch(trusted.stderr, /Warning/)
    const stranger = await verify({})
    assert.equal(stranger.code, 2, stranger.stderr)
    assert.match(stranger.stderr, /STORE_REFUSED.*its certificate is not trusted/)
    assert.doesNotMatch(stranger.stderr, /right/)
  })

  test('plain text to a server that wants TLS fails with a reason', async () => {
    await assert.rejects(
      openStore(`${as(':right', secured)}/0`, { programs: [1] }),
      /unreachable|not a Valkey|not answer/
    )
  })

  test('a node of a cluster is refused', async () => {
    await assert.rejects(openStore(`${cluster.url}/0`, { programs: [1] }), {
      code: 'STORE_REFUSED',
      message: /a node of a cluster.*name a single server/
    })
  })
})

describe('a server in trouble', { skip }, () => {
  test('one that is frozen fails with its reason, and resumes with all that it had acknowledged', async t => {
    const store = await openStore(`${url}/1`, { programs: [1] })
    await store.merge([add('A', 1)])
    t.after(() => store.close())
    server?.signal('SIGSTOP')
    try {
      await assert.rejects(store.merge([add('A', 2)]), { code: 'STORE_FAILED', message: /does not answer/ })
      assert.equal(store.trouble(), 'the server does not answer')
      await assert.rejects(store.merge([add('A', 2)]), { code: 'STORE_FAILED', message: /does not answer/ })
    } finally {
      server?.signal('SIGCONT')
    }
    await until(() => store.trouble() === null)
    // As the input does, which retries.
    await store.merge([add('A', 2)])
    await store.merge([add('A', 3)])
    assert.equal(await points(store, 'A'), 3)
  })

  test('one that is frozen is noticed without a request, and so is that it goes on', async t => {
    const address = valkeyAddress(`${url}/3`)
    const store = await ValkeyStore.open({ address, programs: [1], silence: 600 })
    t.after(() => store.close())
    assert.equal(store.trouble(), null)
    server?.signal('SIGSTOP')
    try {
      await until(() => store.trouble() === 'the server does not answer')
      await assert.rejects(store.merge([add('A', 1)]), { code: 'STORE_FAILED', message: /does not answer/ })
    } finally {
      server?.signal('SIGCONT')
    }
    await until(() => store.trouble() === null)
    assert.equal((await store.merge([add('A', 1)]))[0]?.curve.length, 1)
  })

  test('one that was frozen for less than its time-out is only late', async () => {
    const store = await openStore(`${url}/2`, { programs: [1] })
    server?.signal('SIGSTOP')
    const merging = store.merge([add('A', 1)])
    await sleep(300)
    server?.signal('SIGCONT')
    await merging
    assert.deepEqual([await points(store, 'A'), store.trouble()], [1, null])
    await store.close()
  })
})
