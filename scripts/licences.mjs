/**
 * `npm run licences`: writes docs/licences.md, the licences of everything that the service is shipped with, as its packages state
 * them; `--check` compares instead. Exits with 1 for a licence that is not on the list below, and for a document that is
 * out of date.
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

/** Licences that a work under Apache 2.0 may be shipped with, as SPDX names them. */
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

/** Whether an SPDX expression can be met: one of alternatives, all of what is joined. */
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
 * Places in the lock of all that the root package depends on, directly or not; development, peers and workspaces are not shipped.
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

/** Packages of the lock that are shipped. Those of other platforms are not installed: the lock knows their licence. */
function shipped() {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  const found = new Map()
  for (const place of reachable(packages)) {
    const entry = packages[place]
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const file = path.join(root, place, 'package.json')
    // What is for one platform is not read: the page is the same on every machine.
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
    '# Licences of what Hierax is shipped with',
    '',
    'Hierax itself is under the Apache Licence 2.0. Its dependencies, as their packages state it; `npm run licences` writes this page, and a',
    'test holds it against the lock file and against the list of licences that are compatible.',
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
