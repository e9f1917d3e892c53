import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { version } from '../../src/version.ts'
import { kafka } from '../support/brokers.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/service.ts'
import { requireAll } from '../support/shared.ts'
import { until } from '../support/until.ts'
import { buildContext, read } from './container/files.ts'
import { buildImage, type Image } from './container/image.ts'
import { cannotEnter, type Ended, ended, run, start } from './container/namespace.ts'
import { execForm, readStages } from './container/recipe.ts'

const context = buildContext()
const lacking = context === null ? 'needs a git checkout' : cannotEnter()
if (lacking && requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${lacking}`)

describe('the image, built and run by hand', { skip: lacking }, async () => {
  const running = lacking ? null : await kafka()
  const folder = temporaryFolder()
  const data = path.join(folder, 'data')
  const began: ReturnType<typeof start>[] = []
  let image: Image

  before(async () => {
    fs.mkdirSync(path.join(folder, 'image'))
    image = await buildImage(readStages(read('Dockerfile')), context ?? [], path.join(folder, 'image'))
    // As a new volume: with the owner of what the image has there.
    execFileSync('cp', ['-a', path.join(image.root.folder, 'data'), data])
  })
  after(() => {
    for (const child of began) child.kill('SIGKILL')
    fs.rmSync(folder, { recursive: true, force: true })
  })

  /** Starts a command as a container engine would by the image's settings and the compose file's restrictions. */
  function launch(command: readonly string[], env: Readonly<Record<string, string>> = {}, files = image.root) {
    const settings = { ...image.env, ...env, ...(process.env.TEST_RUN ? { TEST_RUN: process.env.TEST_RUN } : {}) }
    const user = image.settings.get('USER') ?? '0'
    const child = start(files, command, {
      env: settings,
      cwd: image.workdir,
      user,
      readOnly: true,
      volumes: files === image.root ? { '/data': data } : {}
    })
    began.push(child)
    return child
  }
  const runs = (command: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
    ended(launch(command, env))
  const entrypoint = () => execForm(image.settings.get('ENTRYPOINT'))
  const healthCheck = () => execForm(image.settings.get('HEALTHCHECK')?.replace(/^.*?CMD\s+/, ''))

  test('it has what it needs and no more', t => {
    const app = path.join(image.root.folder, image.workdir)
    assert.deepEqual(
      fs.readdirSync(app).sort(),
      ['LICENSE', 'dist', 'examples', 'models', 'node_modules', 'ops', 'package.json', 'schemas'].sort()
    )
    for (const name of ['typescript', 'tsx', '@biomejs/biome', 'testcontainers', '@tensorflow/tfjs-node', '@hierax'])
      assert.ok(!fs.existsSync(path.join(app, 'node_modules', name)), name)
    const megabytes = Number(execFileSync('du', ['-sm', app], { encoding: 'utf8' }).split('\t')[0])
    t.diagnostic(`${megabytes} MB on top of the base; stages took ${JSON.stringify([...image.took])} ms`)
    assert.ok(megabytes < 300, `${megabytes} MB`)
  })

  test('the command runs', async () => {
    assert.deepEqual(await runs([...entrypoint(), '--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
    const printed = await runs([...entrypoint(), 'serve', '--print-config'])
    assert.equal(printed.code, 0, printed.stderr)
    const config = parse(printed.stdout)
    assert.equal(config.store.url, 'lmdb:/data')
    assert.equal(config.http.host, '0.0.0.0')
  })

  test('it is not root, has no rights and can write to its volume and to /tmp alone', async () => {
    const [uid] = (image.settings.get('USER') ?? '').split(':')
    assert.equal((await runs(['id', '-u'])).stdout.trim(), uid)
    assert.match((await runs(['grep', 'CapBnd', '/proc/self/status'])).stdout, /^CapBnd:\s+0+$/m)
    for (const place of ['/', '/app', '/app/dist', '/usr/local/bin', '/etc'])
      assert.match((await runs(['touch', `${place}/x`])).stderr, /Read-only file system|Permission denied/, place)
    for (const place of ['/data', '/tmp']) {
      const { code, stderr } = await runs(['sh', '-c', `touch ${place}/x && rm ${place}/x`])
      assert.equal(code, 0, stderr)
    }
    const asRoot = await run(image.root, ['touch', '/app/x'], { env: {}, cwd: '/', readOnly: true })
    assert.match(asRoot.stderr, /Read-only file system/)
  })

  test('it serves simulated alerts until SIGTERM, and the health check tells', { skip: running?.skip }, async t => {
    const { brokers, tools } = running!
    const stem = tools.name('container')
    const simulator = parse(read('docker-compose.yml')).services.simulator
    const script: string = simulator.command[0]
      .replaceAll('$$', '$')
      .replace('kafka:19092', brokers.join(','))
      .replace(/--objects \d+ --rate \d+/, '--objects 5')
    const simulated = await ended(
      launch([...simulator.entrypoint, script], {}, image.stages.get(simulator.build.target))
    )
    assert.equal(simulated.code, 0, simulated.stderr)
    const packets = Number(/\d+/.exec(simulated.stdout)?.[0])
    assert.ok(packets > 5, simulated.stdout)

    const env = {
      HIERAX_INPUT_BROKERS: brokers.join(','),
      HIERAX_INPUT_GROUP: stem,
      HIERAX_OUTPUT_CLASSIFICATIONS: stem,
      HIERAX_OUTPUT_DEAD_LETTERS: `${stem}.dead`,
      // On this machine rather than in a network of its own.
      HIERAX_HTTP_HOST: '127.0.0.1',
      HIERAX_HTTP_PORT: String(await freePort())
    }
    const isHealthy = async () => (await runs(healthCheck(), env)).code === 0
    assert.equal(await isHealthy(), false, 'before it runs')

    const started = performance.now()
    const service = launch([...entrypoint(), ...execForm(image.settings.get('CMD'))], env)
    const end = ended(service)
    const alive = () => service.exitCode === null && service.signalCode === null
    await until(async () => !alive() || (await isHealthy()))
    t.diagnostic(`healthy after ${Math.round(performance.now() - started)} ms`)
    if (alive()) await tools.waitFor(stem, packets)

    service.kill('SIGTERM')
    const { code, stdout, stderr } = await end
    assert.equal(code, 0, stdout + stderr)
    assert.equal(await isHealthy(), false, 'after its end')
    assert.ok(fs.existsSync(path.join(data, 'data.mdb')), 'light curves are on the volume')
  })
})
