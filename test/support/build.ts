import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './shared.ts'

/** Modification time of the newest file, epoch ms. */
function newest(folder: string): number {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return Math.max(0, ...files.map(entry => fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs))
}

/** Its time is that of the last build here: the compiler does not write files again whose content is the same. */
const stamp = path.join(root, 'node_modules/.cache/hierax-tests/built')

const modified = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Whether dist/, which the tests of command line and page run, is there and newer than its sources. */
export function isBuilt(): boolean {
  const made = ['dist/cli/main.js', 'training/dist/commands.js', 'tools/dist/commands.js', 'dist/web/index.html'].map(
    file => path.join(root, file)
  )
  const oldest = Math.min(...made.map(modified))
  if (oldest === 0) return false
  const sources = ['src', 'training/src', 'tools/src', 'web'].map(folder => newest(path.join(root, folder)))
  const changed = Math.max(...sources, modified(path.join(root, 'tsconfig.build.json')))
  return Math.max(oldest, modified(stamp)) > changed
}

/** Builds dist/ if it is missing or older than its sources. False if the build fails. */
export function build(): boolean {
  if (isBuilt()) return true
  console.log('Building dist/ …')
  const began = new Date()
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8' })
  if (status !== 0) {
    console.error(`The build failed:\n${stdout}${stderr}`)
    return false
  }
  fs.mkdirSync(path.dirname(stamp), { recursive: true })
  fs.writeFileSync(stamp, '')
  fs.utimesSync(stamp, began, began)
  return true
}
