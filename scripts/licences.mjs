/**
 * `npm run licences`: writes docs/licences.md, the licences of all shipped dependencies as stated by the packages; `--check` only
 * compares. Exits with 1 for a licence that is not on the list below, or if the document is out of date.
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { placeOf } from './lock.mjs'

const root = path.resolve(
  process.argv.find(argument => argument.startsWith('--root='))?.slice(7) ??
    fileURLToPath(new URL('..', import.meta.url))
)
const document = path.join(root, 'docs/licences.md')

/** Licences (SPDX) that are compatible with distribution under Apache 2.0. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
  'Zlib'
])

/** Whether an SPDX expression is permitted: one operand of OR, all operands of AND. */
function permitted(expression) {
  const text = expression.replace(/[()]/g, ' ').trim()
  return text.split(/\s+OR\s+/).some(choice => choice.split(/\s+AND\s+/).every(licence => allowed.has(licence.trim())))
}

function stated({ license, licenses }) {
  if (typeof license === 'string') return license
  if (typeof license?.type === 'string') return license.type
  if (Array.isArray(licenses)) return licenses.map(one => one.type ?? one).join(' OR ')
  return 'none stated'
}

/**
 * Paths in the lock of all direct and indirect dependencies of the root package; development and peer dependencies and workspaces are not shipped.
 * @param {Record<string, {dependencies?: object, optionalDependencies?: object}>} packages
 */
function reachable(packages) {
  const places = new Set()
  const queue = ['']
  for (let from = queue.pop(); from !== undefined; from = queue.pop()) {
    const { dependencies = {}, optionalDependencies = {} } = packages[from]
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = placeOf(packages, from, name)
      if (place === null || places.has(place)) continue
      places.add(place)
      queue.push(place)
    }
  }
  return [...places]
}

/** The shipped packages. Packages for other platforms are not installed; the lock has their licence. */
function shipped() {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  const found = new Map()
  for (const place of reachable(packages)) {
    const entry = packages[place]
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const file = path.join(root, place, 'package.json')
    // Platform-specific packages are not read, so that the page is the same on every machine.
    const own = !entry.os && !entry.cpu && fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : null
    if (own === null && entry.optional && entry.license === undefined) continue
    found.set(`${name} ${entry.version}`, {
      name,
      version: entry.version,
      licence: own ? stated(own) : (entry.license ?? 'none stated')
    })
  }
  return [...found.values()].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1
  )
}

function written(packages) {
  const byLicence = new Map()
  for (const { licence } of packages) byLicence.set(licence, (byLicence.get(licence) ?? 0) + 1)
  const summary = [...byLicence].sort((a, b) => b[1] - a[1]).map(([licence, count]) => `${licence} (${count})`)
  return [
    '# Licences of the shipped dependencies',
    '',
    'Hierax itself is under the Apache Licence 2.0. The table lists its dependencies with the licence that each package states. `npm run licences`',
    'writes this page, and a test compares it with the lock file and with the list of compatible licences.',
    '',
    `${summary.join(', ')}.`,
    '',
    '| Package | Version | Licence |',
    '| --- | --- | --- |',
    ...packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    ''
  ].join('\n')
}

const packages = shipped()
const refused = packages.filter(({ licence }) => !permitted(licence))
for (const { name, version, licence } of refused)
  console.log(`${name} ${version}: ${licence} is not on the list of licences`)
const text = written(packages)
if (process.argv.includes('--check')) {
  const current = fs.existsSync(document) ? fs.readFileSync(document, 'utf8') : ''
  if (current !== text) console.log('docs/licences.md is out of date: npm run licences')
  process.exitCode = refused.length > 0 || current !== text ? 1 : 0
} else {
  fs.writeFileSync(document, text)
  process.exitCode = refused.length > 0 ? 1 : 0
}
