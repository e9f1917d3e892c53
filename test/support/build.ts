import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './shared.ts'

/** When the newest of the files was changed, epoch ms. */
function newest(folder: string): number {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return Math.max(0, ...files.map(entry => fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs))
}

/** Builds dist/, which the tests of the command line run, when it is missing or older than src/. False when it fails. */
export function build(): boolean {
  const main = path.join(root, 'dist/cli/main.js')
  const built = fs.existsSync(main) ? fs.statSync(main).mtimeMs : 0
  const changed = Math.max(newest(path.join(root, 'src')), fs.statSync(path.join(root, 'tsconfig.build.json')).mtimeMs)
  if (built > changed) return true
  console.log('Building dist/ …')
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8' })
  if (status !== 0) console.error(`The build failed:\n${stdout}${stderr}`)
  return status === 0
}
