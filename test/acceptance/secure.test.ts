import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { bundledLightCurves, readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { kafka } from '../support/brokers.ts'
import { certificate } from '../support/certificates.ts'
import { runHierax, ServiceProcess, temporaryFolder, total } from '../support/service.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const { key, cert, certFile } = await certificate()
const password = 'correct horse'
const running = await kafka({ security: { protocol: 'sasl_ssl', users: { hierax: password }, tls: { key, cert } } })

describe('hierax on a cluster with TLS and SCRAM', { skip: running.skip }, () => {
  test('serves nightly topics with settings from a file and the password from another file', async () => {
    const night = new Date().toISOString().slice(0, 10).replaceAll('-', '')
    const topic = `ztf_${night}_programid1`
    await running.tools.topic(topic, { partitions: 2 })
    const curves = []
    for await (const curve of readLightCurves(bundledLightCurves)) curves.push(curve)
    const packets = [...new Simulation(curves, { objects: 2, seed: 3, cutoutBytes: 0 })].slice(0, 20)
    await running.tools.produce(
      topic,
      packets.map(({ bytes }, index) => ({ partition: index % 2, value: Buffer.from(bytes) }))
    )

    const secret = path.join(folder, 'password')
    fs.writeFileSync(secret, `${password}\n`)
    const config = path.join(folder, 'hierax.yaml')
    const yaml = (passwordFile: string): string => `
input:
  brokers: [${running.brokers.join(', ')}]
  ssl: { ca: ${certFile} }
  sasl: { mechanism: scram-sha-512, username: hierax, passwordFile: ${passwordFile} }
store: { url: 'lmdb:${path.join(folder, 'store')}' }
`
    fs.writeFileSync(config, yaml(secret))
    const printed = await runHierax(['serve', '--print-config'], { settings: { HIERAX_CONFIG: config } })
    assert.equal(printed.code, 0, printed.stderr)
    assert.ok(!printed.stdout.includes(password), 'secrets are masked')
    assert.match(printed.stdout, /scram-sha-512/)

    const service = await ServiceProcess.start({ HIERAX_CONFIG: config })
    const metrics = await service.untilConsumed(packets.length)
    assert.equal(metrics.get(`hierax_alerts_consumed_total{topic="${topic}"}`), packets.length)
    await service.until('readiness', async () => total(await service.metrics(), 'hierax_ready') === 4)
    assert.ok(!service.log.includes(password))
    assert.equal(await service.end(), 0)
    assert.ok((await running.tools.offsets('hierax.classifications')).total >= packets.length)

    const wrong = path.join(folder, 'wrong')
    fs.writeFileSync(wrong, 'no')
    fs.writeFileSync(config, yaml(wrong))
    const refused = await ServiceProcess.start({ HIERAX_CONFIG: config })
    await refused.until('the log to report rejected credentials', () => /refused the credentials/.test(refused.log))
    assert.equal((await refused.get('/health/ready')).status, 503)
    // Credentials that never worked end the service with the exit code of a wrong setting.
    if (refused.child.exitCode === null) await once(refused.child, 'close')
    assert.equal(await refused.end(), 2)
    assert.match(refused.log, /CONFIG_INVALID.*put\.sasl: The Kafka cluster at .* refused the credentials/)
  })
})
