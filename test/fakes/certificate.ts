import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A self-made certificate of 127.0.0.1 and localhost: its files, and what trusts it. */
export type Certificate = {
  readonly certificate: string
  readonly key: string
  readonly ca: string
  readonly keyPem: string
}

/** Makes `<name>.crt` and `<name>.key` (0600) in a folder by openssl. */
export async function makeCertificate(folder: string, name: string): Promise<Certificate> {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const files = ['-keyout', key, '-out', certificate]
  await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...curve, ...names, ...files])
  const [ca, keyPem] = await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')])
  return { certificate, key, ca, keyPem }
}
