import fs from 'node:fs'
import path from 'node:path'
import { pythonHome, stampOf } from '../../scripts/python-home.mjs'
import { requireAll, root } from './shared.ts'

/** The Python environment of the tests, or the reason to skip them. */
export function testPython(): { readonly folder: string; readonly skip: string | false } {
  const home = pythonHome()
  const wanted = fs.readFileSync(path.join(root, 'test/python/requirements.txt'), 'utf8')
  if (stampOf(home) === wanted) return { folder: path.join(home, 'bin'), skip: false }
  const reason =
    'needs Python packages of test/python/requirements.txt, which could not be installed (npm run setup:python prints the reason)'
  if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
  return { folder: '', skip: reason }
}
