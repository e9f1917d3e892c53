import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fencesOf } from '../support/fences.ts'
import { runHierax, temporaryFolder } from '../support/service.ts'

/** Pages that show a message of the first simulated object, shortened and rounded. */
const pages = ['README.md', 'docs/usage.md']

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const folder = temporaryFolder()
const messages = new Map<string, Json>()
before(async () => {
  const packets = path.join(folder, 'alerts')
  const simulated = await runHierax(['simulate', '--objects', '1', '--out', packets, '--cutout-bytes', '0'])
  assert.equal(simulated.code, 0, simulated.stderr)
  const { code, stdout, stderr } = await runHierax(['classify', packets])
  assert.equal(code, 0, stderr)
  for (const line of stdout.trim().split('\n')) {
    const message = JSON.parse(line)
    messages.set(message.candid, message)
  }
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

describe('the message in a page is one that the bundled model really produces', () => {
  for (const page of pages) {
    test(page, () => {
      const samples = fencesOf(page).flatMap(({ info, text }) => (info === 'json' ? [JSON.parse(text)] : []))
      assert.ok(samples.length > 0)
      for (const sample of samples) {
        const message = messages.get(sample.candid)
        assert.ok(message, `no message of candid ${sample.candid}`)
        assert.ok(
          shows(sample, message),
          `the page has\n${JSON.stringify(sample)}\nthe message is\n${JSON.stringify(message)}`
        )
      }
    })
  }
})

/** Whether a sample agrees with a value: fields and items may be left out, numbers rounded, texts cut off with an ellipsis. */
function shows(sample: Json, value: Json | undefined): boolean {
  if (typeof sample === 'number' && typeof value === 'number') {
    const decimals = String(sample).split('.')[1]?.length ?? 0
    return value.toFixed(decimals) === sample.toFixed(decimals)
  }
  if (typeof sample === 'string' && sample.endsWith('…')) return String(value).startsWith(sample.slice(0, -1))
  if (sample === null || typeof sample !== 'object') return sample === value
  if (value === null || typeof value !== 'object') return false
  if (Array.isArray(sample)) {
    if (!Array.isArray(value)) return false
    const rest = [...value]
    return sample.every(item => {
      const at = rest.findIndex(other => shows(item, other))
      return at >= 0 && rest.splice(0, at + 1).length > 0
    })
  }
  return Object.entries(sample).every(([name, own]) => shows(own, (value as Record<string, Json>)[name]))
}
