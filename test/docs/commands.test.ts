import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { type Command as Commander, CommanderError } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { configSchema } from '../../src/config/config.ts'
import { environmentName, settingsOf } from '../../src/config/settings.ts'
import { root } from '../support/shared.ts'
import { type Command, commandsOf, pages, wordsOf } from './pages.ts'

const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
const configKeys = [...settingsOf(configSchema).keys()]
const variables = new Set([
  ...configKeys.map(environmentName),
  ...configKeys.map(key => `${environmentName(key)}_FILE`),
  'HIERAX_CONFIG',
  'HIERAX_REQUIRE_ALL'
])

/** The program with commands that do nothing: options and arguments are parsed as they would be. */
function inert(command: Commander): Commander {
  if (command.commands.length === 0) command.action(() => {})
  for (const sub of command.commands) inert(sub)
  return command
}

/** Programs of others that pages name: they are there, or change a machine, and are not ours to run. */
const foreign =
  /^(hierax-client|jq|kcat|sort|head|cp|rm|mkdir|cd|git|pip|docker|kubectl|systemctl|journalctl|useradd|install|promtool|python3?|ssh|scp|rsync|tsx|gunzip|tar|kill|cat|openssl|valkey-server|redis-server|valkey-cli|redis-cli|unshare|taskset|gh|kafka-[\w-]+\.sh|export|sleep|sha256sum|awk|wait)$/

async function check(words: readonly string[]): Promise<void> {
  const command = [...words]
  while (/^[A-Z_][A-Z0-9_]*=/.test(command[0] ?? '')) {
    const name = (command.shift() as string).split('=')[0] as string
    assert.ok(!name.startsWith('HIERAX_') || variables.has(name), `no setting is named ${name}`)
  }
  if (['npx', 'nice', 'time'].includes(command[0] as string)) command.shift()
  const [program = '', first = ''] = command
  const end = command.findIndex(word => /^\d?[<>]/.test(word))
  const args = command.slice(1, end < 0 ? undefined : end)
  if (program === 'hierax') await parse(args)
  else if (program === 'npm' && first === 'run') assert.ok(command[2]! in scripts, `no script ${command[2]}`)
  else if (program === 'npm') assert.match(first, /^(install|ci|test|pack|view)$/)
  else if (program === 'curl')
    assert.ok(
      args.some(arg => /^https?:\/\//.test(arg)),
      'an address'
    )
  else if (['node', 'bash', 'tsx'].includes(program)) {
    const file = args.find(arg => /\.(m?[jt]s|sh)$|\/run$/.test(arg)) ?? ''
    assert.ok(file === 'subscribe.mts' || fs.existsSync(path.join(root, file)), `no file ${file}`)
  } else if (program !== '') assert.match(program, foreign)
}

async function parse(args: readonly string[]): Promise<void> {
  try {
    await inert(await createProgram()).parseAsync(args, { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError) || !/version|help/i.test(thrown.code)) throw thrown
  }
}

describe('commands in the pages', () => {
  for (const page of pages) {
    const commands = commandsOf(page)
    if (commands.length === 0) continue
    test(page, async () => {
      for (const command of commands) await checkLine(command)
    })
  }
})

async function checkLine({ text, fence }: Command): Promise<void> {
  const where = `${fence.page}, block at line ${fence.line}: ${text}`
  const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
  assert.equal(status, 0, `${where}: ${stderr}`)
  for (const words of wordsOf(text)) {
    try {
      await check(words)
    } catch (cause) {
      throw new Error(`${where}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }
}
