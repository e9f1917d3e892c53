/**
 * Preloaded into `hierax serve` and its workers (`node --import`): a packet that contains the text `POISON` aborts the process while it is
 * decoded, like a bug in native code.
 */
import { register } from 'node:module'

const hooks = `
  const healthy = 'export function createDecoder('
  const poisoned = \`
    export function createDecoder(...options) {
      const decoder = healthyDecoder(...options)
      const decode = bytes => {
        if (bytes && Buffer.from(bytes).includes('POISON')) process.abort()
        return decoder.decode(bytes)
      }
      return { ...decoder, decode }
    }\`
  export async function load(url, context, next) {
    const loaded = await next(url, context)
    if (!url.endsWith('/dist/alerts/decoder.js')) return loaded
    const source = String(loaded.source)
    if (!source.includes(healthy)) throw new Error('createDecoder was not found')
    return { ...loaded, source: source.replace(healthy, 'function healthyDecoder(') + poisoned }
  }`

register(`data:text/javascript,${encodeURIComponent(hooks)}`)
