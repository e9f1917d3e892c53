import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { announceModels, ModelAnnouncements } from '../../../src/app/output/announcements.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { type Announcement, readAnnouncement } from '../../../src/messages/announcement.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { kafka } from '../../support/brokers.ts'
import { fakeClassifier } from '../../support/fake-classifier.ts'
import { until } from '../../support/until.ts'

const running = await kafka()
const logger = createLogger({ level: 'silent' })

const [x, y, z] = ['x', 'y', 'z'].map(name => fakeClassifier(name)) as [Model, Model, Model]
type Model = ReturnType<typeof fakeClassifier>

/** Processes that share one log. Each reads it with a delay of its own. */
class Log {
  readonly written: Announcement[] = []
  #time = Date.parse('2025-01-01T00:00:00Z')

  now(): Date {
    this.#time += 1000
    return new Date(this.#time)
  }

  process(...models: Model[]) {
    return this.publishing(['out'], ...models)
  }

  publishing(topics: string[], ...models: Model[]) {
    const announcements = new ModelAnnouncements(models, topics)
    let read = 0
    const catchUp = (by = Number.POSITIVE_INFINITY): void => {
      for (const end = Math.min(this.written.length, read + by); read < end; read++)
        this.written.push(...announcements.heard(this.written[read] as Announcement, this.now()))
    }
    catchUp()
    return {
      models,
      announce: (): void => void this.written.push(...announcements.active(this.now())),
      catchUp,
      /** Announces and reads, so many times. */
      goOn(times: number): void {
        for (let time = 0; time < times; time++) {
          this.announce()
          catchUp()
        }
      }
    }
  }

  last({ sha256 }: Model): Announcement | undefined {
    return this.written.findLast(announcement => announcement.sha256 === sha256)
  }
}

describe('announcements of models', () => {
  test('a model is retired once, ten announcements after the last one of it, with its successor', () => {
    const log = new Log()
    log.process(x).goOn(3)
    assert.deepEqual([log.last(x)?.status, log.last(x)?.successor], ['active', null])
    const next = log.process(y)
    next.goOn(9)
    assert.equal(log.last(x)?.status, 'active')
    next.goOn(20)
    const retired = log.written.filter(({ status }) => status === 'retired')
    assert.equal(retired.length, 1)
    assert.deepEqual([retired[0]?.sha256, retired[0]?.successor?.sha256], [x.sha256, y.sha256])
    assert.deepEqual(retired[0]?.topics, ['out'])
  })

  test('`since` outlives restarts, and starts again with a model that returns', () => {
    const log = new Log()
    log.process(x).goOn(1)
    const { since } = log.last(x) as Announcement
    log.process(x, y).goOn(2)
    assert.equal(log.last(x)?.since, since)
    log.process(y).goOn(12)
    assert.equal(log.last(x)?.status, 'retired')
    log.process(x).goOn(1)
    assert.equal(log.last(x)?.status, 'active')
    assert.ok((log.last(x)?.since ?? '') > since)
  })

  test('a process that was cut off announces its model again when it reads that it was retired', () => {
    const log = new Log()
    const old = log.process(x)
    old.goOn(1)
    log.process(y).goOn(12)
    assert.equal(log.last(x)?.status, 'retired')
    old.catchUp()
    assert.equal(log.last(x)?.status, 'active')
  })

  test('services that publish to other topics do not retire each other’s models', () => {
    const log = new Log()
    log.process(x).goOn(1)
    log.publishing(['elsewhere'], y).goOn(30)
    assert.equal(log.last(x)?.status, 'active')
  })

  test('the successor has the same name, else the same taxonomy', () => {
    const log = new Log()
    const [renamed, retrained] = [
      { ...y, taxonomy: 'other' },
      { ...z, name: 'x' }
    ]
    log.process(x).goOn(1)
    log.process(renamed, retrained).goOn(12)
    assert.equal(log.last(x)?.successor?.sha256, z.sha256)
    log.process({ ...x, name: 'third' }).goOn(12)
    assert.equal(log.last(z)?.successor?.sha256, x.sha256)
  })

  test('old and new processes side by side, in any order and with any delay, retire no model in use', () => {
    const step = fc.record({ who: fc.nat({ max: 3 }), reads: fc.integer({ min: 0, max: 30 }) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), steps => {
        const log = new Log()
        const processes = [log.process(x), log.process(x, y), log.process(y), log.process(y, z)]
        // Between two announcements of x there are less than ten of any other process.
        const announced = [0, 0, 0, 0]
        const announce = (who: number): void => {
          processes[who]?.announce()
          announced[who] = (announced[who] ?? 0) + 1
          if (processes[who]?.models.includes(x)) announced.fill(0)
        }
        announce(0)
        for (const { who, reads } of steps) {
          if (announced.some(count => count >= 9)) announce(0)
          announce(who)
          processes[who]?.catchUp(reads)
        }
        for (const process of processes) process.catchUp()
        assert.deepEqual(
          log.written.filter(({ status, sha256 }) => status === 'retired' && sha256 === x.sha256),
          []
        )
        // The rollout ends.
        for (let round = 0; round < 12; round++) for (const who of [2, 3]) processes[who]?.goOn(1)
        assert.deepEqual(
          [x, y, z].map(model => log.last(model)?.status),
          ['retired', 'active', 'active']
        )
      }),
      { numRuns: 200 }
    )
  })

  test('on Kafka: a model is retired after its process has ended, and active again with it', {
    skip: running.skip
  }, async () => {
    const { tools } = running
    const topic = tools.name('models')
    const settings = { 'output.models': topic, 'output.classifications': topic.replace('models', 'out') }
    const config = loadConfig({ env: {}, overrides: { ...settings, 'output.brokers': [...running.brokers] } })
    const last = async (model: Model): Promise<string | undefined> => {
      const read = (await tools.read(topic)).map(({ value }) => readAnnouncement(value))
      return read.findLast(announcement => announcement?.sha256 === model.sha256)?.status
    }
    const old = announceModels(config, [x], logger, 20)
    await until(async () => (await last(x)) === 'active')
    await old?.stop()
    const young = announceModels(config, [y], logger, 20)
    await until(async () => (await last(x)) === 'retired')
    assert.equal(await last(y), 'active')
    const again = announceModels(config, [x], logger, 20)
    await until(async () => (await last(x)) === 'active')
    await Promise.all([young?.stop(), again?.stop()])
  })
})
