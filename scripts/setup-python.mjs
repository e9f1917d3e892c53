/*
 * `npm run setup:python`: installs the Python environment of the tests (examples for subscribers, API tests), with the packages of
 * test/python/requirements.txt, in the user's cache. Does nothing if it is up to date.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonHome, stampOf } from './python-home.mjs'

const requirements = fileURLToPath(new URL('../test/python/requirements.txt', import.meta.url))
const wanted = fs.readFileSync(requirements, 'utf8')
const home = pythonHome()

if (stampOf(home) === wanted) {
  console.log(`Python for the tests is in ${home}`)
} else {
  const run = (command, ...args) => execFileSync(command, args, { stdio: 'inherit' })
  run('python3', '-m', 'venv', '--clear', home)
  const python = path.join(home, 'bin', 'python')
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements)
  fs.writeFileSync(path.join(home, 'installed.txt'), wanted)
  console.log(`Python for the tests was installed in ${home}`)
}
