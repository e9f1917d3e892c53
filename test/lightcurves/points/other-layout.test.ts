import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pointLayout } from '../../../src/lightcurves/points/layout.ts'
import { goldenCases, messagesOf } from '../../golden/answers.ts'

/** Every field elsewhere: nothing has been stored yet in this process. */
Object.assign(pointLayout, {
  superseded: 0,
  origins: 1,
  distance: 2,
  realBogus: 6,
  photometry: 10,
  flags: 10,
  error: 11,
  candid: 15,
  fid: 23,
  jd: 24,
  magnitude: 32
})

describe('another layout of stored points changes nothing that is published', () => {
  for (const golden of goldenCases().filter(({ files }) => files.length === 0))
    test(golden.name, async () => assert.deepEqual(await messagesOf(golden), golden.messages))
})
