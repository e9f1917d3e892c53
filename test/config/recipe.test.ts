import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { configurationPage } from '../../scripts/generate-docs.ts'
import { printConfig } from '../../src/cli/print-config.ts'
import { configSchema } from '../../src/config/config.ts'
import { text } from '../../src/config/kinds.ts'
import { type ConfigSources, loadConfig } from '../../src/config/load.ts'
import { setting } from '../../src/config/settings.ts'

/* CONTRIBUTING's recipe for a setting: one entry in the schema, and all else follows. */

const greeting = setting(text('a greeting'), {
  default: 'hello',
  fromFile: true,
  hidden: 'all',
  meaning: 'what the page says first'
})
const schema = configSchema.extend({ http: configSchema.shape.http.extend({ pageGreeting: greeting }) })

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-recipe-'))
after(() => fs.rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const full = path.join(folder, name)
  fs.writeFileSync(full, content)
  return full
}

const overrides = (value: unknown) => ({ 'http.pageGreeting': value }) as ConfigSources['overrides'] & object

const greetingOf = (sources: ConfigSources): unknown =>
  (loadConfig(sources, schema).http as { readonly pageGreeting?: unknown }).pageGreeting

test('a setting that is added has its default, and is read from file, environment, secret file and command line', () => {
  const yaml = file('hierax.yaml', 'http: {pageGreeting: good morning}')
  assert.equal(greetingOf({ env: {} }), 'hello')
  assert.equal(greetingOf({ file: yaml, env: {} }), 'good morning')
  const env = { HIERAX_HTTP_PAGE_GREETING: 'good evening' }
  assert.equal(greetingOf({ file: yaml, env }), 'good evening')
  assert.equal(greetingOf({ env: { HIERAX_HTTP_PAGE_GREETING_FILE: file('secret', 'psst\n') } }), 'psst')
  assert.equal(greetingOf({ file: yaml, env, overrides: overrides('good night') }), 'good night')
})

test('it is checked, named where a name is wrong, and printed with its secret masked', () => {
  assert.throws(() => loadConfig({ env: {}, overrides: overrides(5) }, schema), {
    code: 'CONFIG_INVALID',
    message: 'http.pageGreeting (command line): got a value that is not shown, expected a greeting'
  })
  assert.throws(() => loadConfig({ env: { HIERAX_HTTP_PAGE_GREETINGS: 'x' } }, schema), {
    message: /the nearest is HIERAX_HTTP_PAGE_GREETING$/
  })
  const printed = printConfig(loadConfig({ env: {} }, schema), schema)
  assert.match(printed, /^ {2}pageGreeting: "?\*{8}"?$/m)
})

test('it is documented', () => {
  const rows = configurationPage(schema).split('\n')
  const row = rows.find(line => line.startsWith('| `http.pageGreeting`'))?.replace(/ +/g, ' ')
  assert.equal(
    row,
    '| `http.pageGreeting` | `HIERAX_HTTP_PAGE_GREETING` | `hello` | what the page says first (a greeting); may come from a file |'
  )
})
