import fs from 'node:fs'
import path from 'node:path'
import { pythonHome, stampOf } from '../../scripts/python-home.mjs'
import { requireAll, root } from './shared.ts'

interface Python {
  /** Where its programs are. */
  readonly folder: string
  readonly skip: string | false
}

/** The Python environment of the tests, or the reason to skip them. */
export const testPython = (): Python => environment('requirements.txt', 'npm run setup:python')

/** The Python environment with TOM Toolkit, or the reason to skip its tests. */
export const tomPython = (): Python => environment('tom-requirements.txt', 'npm run setup:python tom-requirements.txt')

function environment(requirements: Parameters<typeof pythonHome>[0] & string, command: string): Python {
  const home = pythonHome(requirements)
  const wanted = fs.readFileSync(path.join(root, 'test/python', requirements), 'utf8')
  if (stampOf(home) === wanted) return { folder: path.join(home, 'bin'), skip: false }
  const reason = `needs Python packages of test/python/${requirements}, which could not be installed (${command} prints the reason)`
  if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
  return { folder: '', skip: reason }
}
