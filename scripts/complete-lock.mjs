#!/usr/bin/env node
// npm run lock: adds entries to package-lock.json that npm omits and `npm ci` requires.
//
// A package with prebuilt binaries names one optional package for each platform. If a registry lacks some of them,
// `npm install` silently drops them from the lock, and `npm ci` rejects the lock everywhere. Their versions are exact and
// their names contain the platform, which is all that `npm ci` needs to skip them. `--check` only reports.
import fs from 'node:fs'
import { placeOf } from './lock.mjs'

const systems = 'aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32'
const processors = 'arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64'
const platform = new RegExp(`\\b(${systems})-(${processors})(?:-|$)`)

/**
 * Lock entries for optional packages that are referenced in the lock but missing from it.
 * @param {{packages: Record<string, {dev?: boolean, optionalDependencies?: Record<string, string>}>}} lock
 */
function missingEntries(lock) {
  /** @type {Record<string, object>} */
  const entries = {}
  for (const [where, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (placeOf(lock.packages, where, name) !== null) continue
      const [, os, cpu] = platform.exec(name) ?? []
      if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+/.test(version)) continue
      entries[`node_modules/${name}`] = { version, cpu: [cpu], ...(dev ? { dev } : {}), optional: true, os: [os] }
    }
  }
  return entries
}

const file = 'package-lock.json'
const lock = JSON.parse(fs.readFileSync(file, 'utf8'))
const entries = missingEntries(lock)
const names = Object.keys(entries)
if (names.length > 0 && process.argv.includes('--check')) {
  process.stdout.write(`${file} lacks:\n  ${names.join('\n  ')}\nRun: npm run lock\n`)
  process.exitCode = 1
} else if (names.length > 0) {
  const all = Object.entries({ ...lock.packages, ...entries })
  lock.packages = Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en')))
  fs.writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
}
