import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { root } from '../../support/shared.ts'

/** Packs the npm package as it lies here and unpacks it into `package` below a folder; its files. Needs `dist/`. */
export function unpackPackage(folder: string): string[] {
  // Its `prepare` would build dist/ while other tests run it.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }))
  execFileSync('tar', ['-xzf', path.join(folder, packed.filename), '-C', folder])
  return packed.files.map((file: { path: string }) => file.path)
}
