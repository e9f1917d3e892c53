/**
 * Path in a lock file at which the package at `from` finds `name`: in its own node_modules or one above; null if it is not in the lock.
 * @param {Record<string, object>} packages @param {string} from @param {string} name
 * @returns {string | null}
 */
export function placeOf(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('node_modules/') - 1, 0))) {
    const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (place in packages) return place
    if (folder === '') return null
  }
}
