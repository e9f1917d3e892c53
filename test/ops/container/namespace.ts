import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** A root file system in the making or to be run: its own files, and what lies in /usr/local/bin. */
export interface RootFs {
  readonly folder: string
  readonly bin: string
}

/** How a command is run within a root file system. */
export interface RunOptions {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Neither the root file system nor the system below it can be written; only volumes and /tmp. */
  readonly readOnly?: boolean
  /** `uid:gid`; by default root. */
  readonly user?: string
  /** Path within → folder of this machine that is writable there. */
  readonly volumes?: Readonly<Record<string, string>>
}

/** A command that ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Why root file systems can't be entered on this machine; false when they can. */
export function cannotEnter(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'needs root on Linux, for a file system of its own'
  const tried = spawnSync('unshare', ['--mount', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
  if (tried.status !== 0) return 'needs the right to mount (unshare --mount), for a file system of its own'
  return spawnSync('setpriv', ['--version']).status === 0 ? false : 'needs setpriv of util-linux'
}

/** A root file system with nothing but Node and npm, as the base image has them; system libraries are this machine's. */
export function createBase(folder: string): RootFs {
  const base = { folder, bin: `${folder}.bin` }
  for (const each of ['', 'dev', 'etc', 'opt/npm', 'proc', 'root/.npm', 'tmp', 'usr'])
    fs.mkdirSync(path.join(folder, each), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const stat = fs.lstatSync(`/${name}`, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(`/${name}`), path.join(folder, name))
    else if (stat) fs.mkdirSync(path.join(folder, name))
  }
  fs.mkdirSync(base.bin)
  fs.writeFileSync(path.join(base.bin, 'node'), '')
  fs.symlinkSync('/opt/npm/bin/npm-cli.js', path.join(base.bin, 'npm'))
  return base
}

/** Starts a command within a root file system, in mounts of its own that end with it. Its process is the command's. */
export function start(root: RootFs, command: readonly string[], options: RunOptions): ChildProcess {
  const as = options.user ? identity(options.user) : []
  const inside = ['chroot', root.folder, ...as, 'env', '-C', options.cwd, ...command]
  const script = [...mounts(root, options), `exec ${inside.map(quote).join(' ')}`].join('\n')
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
    HOME: options.user ? '/' : '/root',
    ...options.env
  }
  const args = ['--mount', '--propagation', 'private', 'sh', '-ec', script]
  return spawn('unshare', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs a command within a root file system to its end. */
export async function run(root: RootFs, command: readonly string[], options: RunOptions): Promise<Ended> {
  return ended(start(root, command, options))
}

/** What a process printed, once it has ended. */
export function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', chunk => (stdout += chunk))
  child.stderr?.on('data', chunk => (stderr += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}

/** As a container engine drops rights: no capabilities, and none to be had. */
function identity(user: string): string[] {
  const [uid = '', gid = uid] = user.split(':')
  const drop = ['--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all']
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...drop]
}

function mounts(root: RootFs, { readOnly, volumes = {} }: RunOptions): string[] {
  const at = (place: string) => path.join(root.folder, place)
  const bind = (from: string, to: string) => `mount --bind ${quote(from)} ${quote(at(to))}`
  const seal = (to: string) => `mount -o remount,bind,ro ${quote(at(to))}`
  const system = ['usr', 'etc', 'bin', 'sbin', 'lib', 'lib64']
    .filter(name => fs.lstatSync(`/${name}`, { throwIfNoEntry: false })?.isDirectory())
    .flatMap(name => [bind(`/${name}`, name), seal(name)])
  const npm = path.resolve(fs.realpathSync(path.join(path.dirname(process.execPath), 'npm')), '../..')
  const lines = [
    // A mount of itself, which can be made read-only.
    bind(root.folder, ''),
    ...system,
    bind(root.bin, 'usr/local/bin'),
    bind(process.execPath, 'usr/local/bin/node'),
    bind(npm, 'opt/npm'),
    `mount --rbind /proc ${quote(at('proc'))}`,
    `mount --rbind /dev ${quote(at('dev'))}`,
    `mount -t tmpfs -o mode=1777 none ${quote(at('tmp'))}`
  ]
  const sealed = readOnly ? ['', 'usr/local/bin', 'opt/npm'].map(seal) : []
  return [...lines, ...sealed, ...Object.entries(volumes).map(([to, from]) => bind(from, to))]
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** What npm needs to reach its registry from within: its cache, and what the environment says of the way there. */
export function npmAccess(): Pick<RunOptions, 'env' | 'volumes'> {
  const cache = process.env.npm_config_cache ?? path.join(os.homedir(), '.npm')
  fs.mkdirSync(cache, { recursive: true })
  const passed = /^(https?_proxy|no_proxy|npm_config_(registry|cafile|strict_ssl)|node_extra_ca_certs|ssl_cert_file)$/i
  const env: Record<string, string> = { npm_config_cache: '/root/.npm', npm_config_update_notifier: 'false' }
  for (const [name, value] of Object.entries(process.env)) if (value && passed.test(name)) env[name] = value
  return { env, volumes: { '/root/.npm': cache } }
}
