import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { kafka } from '../support/brokers.ts'
import { testPython } from '../support/python.ts'
import { aroundTopic, runHierax, ServiceProcess, temporaryFolder } from '../support/service.ts'

const running = await kafka()
const { tools } = running
const python = testPython()
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/**
 * Requests ask for an object that there is; unknown objects are tested by `test/service`. Parameters of two operations
 * depend on each other (ra, dec and radius go together), which OpenAPI cannot say: such requests are refused.
 */
const configurationFor = (objectId: string): string => `
[parameters]
"path.objectId" = ${JSON.stringify(objectId)}
[[operations]]
include-path-regex = "/api/v1/(objects|skyportal/alerts)$"
[operations.checks]
positive_data_acceptance.enabled = false
`

test('schemathesis finds nothing wrong with the API of a running service', {
  skip: running.skip || python.skip
}, async () => {
  const topic = await tools.topic(tools.name('alerts'))
  const service = await ServiceProcess.start({
    ...aroundTopic(running.brokers, topic, `lmdb:${folder}/store`),
    HIERAX_HTTP_CUTOUTS: 'true'
  })
  try {
    const simulated = await runHierax([
      ...['simulate', '--objects', '5', '--brokers', running.brokers.join(','), '--topic', topic]
    ])
    assert.equal(simulated.code, 0, simulated.stderr)
    await service.untilConsumed((await tools.offsets(topic)).total)
    const [newest] = (await (await fetch(`${service.url}/api/v1/recent`)).json()) as { objectId: string }[]
    assert.ok(newest)
    // Event streams never end; test/service/events-document.test.ts compares them with the document. The rate stays
    // below the service's limit of requests. There is no limit of time: what is tested, and with it every warning,
    // would depend on the machine.
    const args = ['run', `${service.url}/api/v1/openapi.json`, '--exclude-path-regex', '/events', '--no-color']
    const bounds = [
      '--max-examples',
      '15',
      '--generation-deterministic',
      '--request-timeout',
      '120',
      '--suppress-health-check',
      'too_slow',
      '--rate-limit',
      '2400/m',
      '--report-dir',
      folder
    ]
    fs.writeFileSync(path.join(folder, 'schemathesis.toml'), configurationFor(newest.objectId))
    const run = promisify(execFile)(path.join(python.folder, 'schemathesis'), [...args, ...bounds], { cwd: folder })
    const { stdout } = await run.catch((failure: { stdout: string }) => assert.fail(failure.stdout))
    assert.match(stdout, /^ +(\d+) generated, \1 passed$/m)
    assert.deepEqual(stdout.match(/(?<=⚠️ ).+/g) ?? [], [])
  } finally {
    await service.end()
  }
})
