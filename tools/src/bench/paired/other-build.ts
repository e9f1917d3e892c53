import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { HieraxError } from 'hierax/errors.ts'
import { root } from '../../../../test/support/shared.ts'
import type { Build } from '../service/workers.ts'
import { cacheFolder, say } from '../setup.ts'

/** A commit of the project's repository. */
export interface Commit {
  readonly sha: string
  /** First line of its message. */
  readonly subject: string
}

/** The commit that a name means. Throws USAGE if the history is not there, or does not have it. */
export function commitOf(name: string): Commit {
  const shown = spawnSync('git', ['log', '-1', '--format=%H %s', '--end-of-options', `${name}^{commit}`], {
    cwd: root,
    encoding: 'utf8'
  })
  if (shown.status === 0) {
    const [sha = '', ...subject] = shown.stdout.trim().split(' ')
    return { sha, subject: subject.join(' ') }
  }
  const reason = shown.error?.message ?? shown.stderr.trim().split('\n')[0]
  const advice =
    'it must be a commit in the history of this checkout, which a copy without .git or a shallow clone lacks'
  throw new HieraxError('USAGE', `--against ${name}: ${reason}; ${advice}`)
}

/** Whether tracked files differ from the last commit. */
export function isChanged(): boolean {
  return git('status', '--porcelain', '--untracked-files=no').length > 0
}

/**
 * The service of a commit, built in a folder of the user's cache and reused by later calls. Dependencies are those of this checkout if the
 * lock files are equal, else they are installed. Throws if that or the build fails.
 */
export function buildOf({ sha }: Commit): Build {
  const folder = cacheFolder(path.join('bench-against', sha))
  const stamp = path.join(folder, '.built')
  const lock = 'package-lock.json'
  const linked = git('show', `${sha}:${lock}`).equals(fs.readFileSync(path.join(root, lock)))
  const made = `node ${process.versions.modules}, ${linked ? `dependencies of ${root}` : 'own dependencies'}\n`
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== made) {
    say(`building ${sha} in ${folder} …`)
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    // With the time of now instead of the commit's: the compiler compares what is newer than its last build.
    execFileSync('tar', ['-x', '-m', '-C', folder], { input: git('archive', sha) })
    if (linked) {
      linkModules(folder)
      copyBuilt(folder)
    } else npm(folder, 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
    npm(folder, 'run', 'build')
    fs.writeFileSync(stamp, made)
  }
  const settings = fs.readFileSync(path.join(folder, 'docs/configuration.md'), 'utf8').match(/HIERAX_[A-Z_]+/g) ?? []
  return { main: path.join(folder, 'dist/cli/main.js'), settings: new Set(settings) }
}

/** Links the installed packages of this checkout into another one, which keeps its own workspaces. */
function linkModules(folder: string): void {
  for (const workspace of ['.', 'training', 'tools', 'web']) {
    const from = path.join(root, workspace, 'node_modules')
    if (fs.existsSync(from)) linkEntries(from, path.join(folder, workspace, 'node_modules'))
  }
}

/** Copies what is built here, with the compiler's record of its sources: so the compiler only has to build what differs. */
function copyBuilt(folder: string): void {
  for (const workspace of ['.', 'training', 'tools']) {
    const from = path.join(root, workspace, 'dist')
    if (fs.existsSync(from)) fs.cpSync(from, path.join(folder, workspace, 'dist'), { recursive: true })
  }
}

function linkEntries(from: string, to: string): void {
  fs.mkdirSync(to)
  for (const name of fs.readdirSync(from)) {
    const source = path.join(from, name)
    const isWorkspace = fs.lstatSync(source).isSymbolicLink()
    if (name.startsWith('@')) linkEntries(source, path.join(to, name))
    else fs.symlinkSync(isWorkspace ? fs.readlinkSync(source) : source, path.join(to, name))
  }
}

function git(...args: readonly string[]): Buffer {
  return execFileSync('git', args, { cwd: root, maxBuffer: 1024 ** 3 })
}

function npm(cwd: string, ...args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${cwd}: ${error?.message ?? `${stdout}${stderr}`}`)
}
