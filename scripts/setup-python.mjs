/*
 * `npm run setup:python`: installs the Python environment of the tests (examples for subscribers, API tests), with the packages of
 * test/python/requirements.txt, in the user's cache; `npm run setup:python tom-requirements.txt` that of the data service for TOM Toolkit, which
 * takes a minute or two. Does nothing if it is up to date.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { environments, pythonHome, stampOf } from './python-home.mjs'

const list = process.argv[2] ?? 'requirements.txt'
if (!(list in environments)) {
  console.error(`There is no ${list}; there are ${Object.keys(environments).join(', ')}`)
  process.exit(2)
}
const requirements = fileURLToPath(new URL(`../test/python/${list}`, import.meta.url))
const wanted = fs.readFileSync(requirements, 'utf8')
const home = pythonHome(list)

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
