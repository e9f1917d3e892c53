import fs from 'node:fs'
import { HieraxError, shown } from '../errors.ts'
import type { TlsFiles } from './config.ts'

/** Contents of PEM files, as Node's TLS (and so kafkajs's `ssl`) takes them. */
export interface TlsContents {
  ca?: string[]
  cert?: string
  key?: string
}

/**
 * Reads the PEM files of a cluster's `ssl` setting; `side` names it in messages (`input` or `output`). Throws
 * CONFIG_INVALID where a file can't be read or is not PEM, or where a certificate and its key are not given together.
 */
export function readTls(ssl: boolean | TlsFiles, side: 'input' | 'output'): boolean | TlsContents {
  if (typeof ssl === 'boolean') return ssl
  if ((ssl.cert === undefined) !== (ssl.key === undefined)) {
    const [given, missing] = ssl.cert === undefined ? ['key', 'cert'] : ['cert', 'key']
    throw new HieraxError('CONFIG_INVALID', `${side}.ssl.${missing}: is missing; ${side}.ssl.${given} needs it`)
  }
  return {
    ...(ssl.ca === undefined ? {} : { ca: [readPem(ssl.ca, `${side}.ssl.ca`)] }),
    ...(ssl.cert === undefined ? {} : { cert: readPem(ssl.cert, `${side}.ssl.cert`) }),
    ...(ssl.key === undefined ? {} : { key: readPem(ssl.key, `${side}.ssl.key`) })
  }
}

function readPem(file: string, path: string): string {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new HieraxError('CONFIG_INVALID', `${path}: can't read ${shown(file)} (${code})`, { cause: error })
  }
  if (!text.includes('-----BEGIN '))
    throw new HieraxError('CONFIG_INVALID', `${path}: ${shown(file)} is not a PEM file`)
  return text
}
