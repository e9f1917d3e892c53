import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { generate } from 'selfsigned'

/** A self-signed certificate for 127.0.0.1, as PEM text and as files that are removed after the tests of the file. */
export async function certificate(): Promise<{ key: string; cert: string; keyFile: string; certFile: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }
    ]
  })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-certificate-'))
  after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  fs.writeFileSync(keyFile, key)
  fs.writeFileSync(certFile, cert)
  return { key, cert, keyFile, certFile }
}
