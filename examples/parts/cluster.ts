/**
 * A workload-token issuer that signs as a Kubernetes cluster does: discovery and JWKS over HTTP, one projected token
 * file per pod, rotated before it ends, RS256, `kubernetes.io` claims with the service account's uid.
 *
 *   node examples/parts/cluster.ts <folder> <pods.json>
 *
 * pods.json: [{ pod, namespace, serviceAccount, audience }]. Writes <folder>/<pod>/token, mode 0600.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { announce, endWithParent } from './announce.ts'

type Pod = {
  readonly pod: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly audience: string
}

const LIFE_SECONDS = 600
const ROTATE_MS = 60_000

/** Stable uids, as a cluster has: the same service account keeps its uid as long as it exists. */
export function uidOf(kind: string, name: string): string {
  const hex = createHash('sha256').update(`${kind}/${name}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

async function main(folder: string, podsFile: string): Promise<void> {
  const pods = JSON.parse(await readFile(podsFile, 'utf8')) as Pod[]
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), use: 'sig', alg: 'RS256' }
  const server = createServer((request, response) => {
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/openid/v1/jwks` },
      '/openid/v1/jwks': { keys: [jwk] },
    }
    const found = documents[request.url ?? '']
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sign = async ({ pod, namespace, serviceAccount, audience }: Pod) =>
    new SignJWT({
      'kubernetes.io': {
        namespace,
        node: { name: 'node-1', uid: uidOf('node', 'node-1') },
        pod: { name: pod, uid: uidOf('pod', pod) },
        serviceaccount: { name: serviceAccount, uid: uidOf('sa', `${namespace}/${serviceAccount}`) },
      },
    })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid })
      .setIssuer(issuer)
      .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
      .setAudience(audience)
      .setIssuedAt()
      .setNotBefore('0s')
      .setJti(randomUUID())
      .setExpirationTime(`${LIFE_SECONDS}s`)
      .sign(privateKey)
  const project = async () => {
    for (const pod of pods) {
      const path = join(folder, pod.pod, 'token')
      await mkdir(join(folder, pod.pod), { recursive: true, mode: 0o700 })
      await writeFile(`${path}.new`, await sign(pod), { mode: 0o600 })
      await rename(`${path}.new`, path)
    }
  }
  await project()
  setInterval(() => void project(), ROTATE_MS).unref()
  announce({ issuer })
  endWithParent()
}

const [folder, podsFile] = process.argv.slice(2)
if (import.meta.main && folder && podsFile) await main(folder, podsFile)
