import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pino } from 'pino'
import { freePort, readFolder } from '../../examples/demo/folders.ts'
import { uidOf } from '../../examples/parts/cluster.ts'
import { importSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'
import { type AdminClient, createAdminClient } from '../../src/sdk/admin-client.ts'
import { type Running, startAuthority } from '../../src/server/authority.ts'
import { DEFAULT_LIMITS, GATEWAY_DEFAULTS } from '../../src/server/config.ts'
import { startGateway } from '../../src/server/gateway.ts'
import { ROOT } from '../source-files.ts'
import { ASKING_POLICIES } from './asking-places.ts'
import { type Claims, type Company, type Signing, startCompany } from './company.ts'

/**
 * The whole of it in one process, on real parts: an authority over a real PostgreSQL, a gateway attested to it, the demo's own
 * configuration applied over the admin socket. The test signs evidence and ID tokens as the cluster and the company would.
 */
export type Surface = {
  readonly origin: string
  readonly gatewayOrigin: string
  readonly company: Company
  readonly authority: Running
  readonly gateway: Running
  readonly admin: AdminClient
  readonly adminToken: string
  readonly socket: string
  readonly issuer: (tenant: string) => string
  readonly uri: (tenant: string, resource: string, type?: string) => string
  /** A projected service-account token, such as `support/support`; `pod` names the instance. */
  readonly evidence: (account: string, over?: Claims, signing?: Signing) => string
  readonly idToken: (tenant: string, sub: string, over?: Claims, signing?: Signing) => string
  /** A published key of a tenant: the test can say anything in the tenant's own name. */
  readonly keyOf: (tenant: string) => SigningKey
  readonly revision: () => Promise<number>
  /** Records in a tenant's log; a gateway's own come a moment later. */
  readonly records: (tenant: string) => Promise<number>
  /** The demo's configuration with some variables changed, and with more files beside its own. */
  readonly apply: (
    changed?: Readonly<Record<string, string>>,
    more?: Readonly<Record<string, string>>,
  ) => Promise<void>
  /** What was logged as a fault: must stay empty. */
  readonly faults: readonly string[]
  readonly close: () => Promise<void>
}

export const TENANTS = ['operator', 'a', 'b'] as const
const soon = () => Math.floor(Date.now() / 1000)

type Closers = (() => Promise<unknown>)[]

export async function startSurface(): Promise<Surface> {
  const closers: Closers = []
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  try {
    return { ...(await open(closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function open(closers: Closers): Promise<Omit<Surface, 'close'>> {
  const faults: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void faults.push(line) })
  const folder = await mkdtemp(join(tmpdir(), 'countersign-surface-'))
  await chmod(folder, 0o711)
  closers.push(() => rm(folder, { recursive: true, force: true }))
  const [origin, gatewayOrigin] = (await Promise.all([freePort(), freePort()])).map(
    (port) => `http://127.0.0.1:${port}`,
  ) as [string, string]
  const company = await startCompany(origin)
  closers.push(company.close)
  const authority = await startAuthority(
    await authorityConfig({ folder, origin, gatewayOrigin, company }),
    log,
  )
  closers.push(authority.close)
  const socket = String(authority.facts['socket'])
  const admin = createAdminClient({ socket })
  closers.push(admin.close)
  const apply = applier(admin, company)
  await apply()
  const evidence = evidenceOf(company, origin)
  const keys = await tokenKeys(join(folder, 'authority', 'keys', 'tokens'), origin)
  const gateway = await openGateway({ folder, origin, gatewayOrigin }, evidence('countersign/gateway'), log)
  closers.push(gateway.close)
  return {
    origin,
    gatewayOrigin,
    company,
    authority,
    gateway,
    admin,
    adminToken: (await admin.login()).token,
    socket,
    issuer: (tenant) => `${origin}/t/${tenant}`,
    uri: (tenant, resource, type = 'mcp') => `${gatewayOrigin}/t/${tenant}/${type}/${resource}`,
    evidence,
    idToken: (tenant, sub, over = {}, signing = {}) =>
      company.idp.sign(
        { aud: `support-${tenant}`, sub, iat: soon(), exp: soon() + 300, sid: randomUUID(), ...over },
        signing,
      ),
    keyOf: (tenant) => {
      const key = keys.get(tenant)
      if (!key) throw new Error(`no key of ${tenant}`)
      return key
    },
    revision: async () => (await admin.tenants()).revision,
    records: async (tenant) => (await admin.audit(tenant, { limit: '1' })).treeSize,
    apply,
    faults,
  }
}

type Place = { readonly folder: string; readonly origin: string; readonly gatewayOrigin: string }

async function authorityConfig(place: Place & { readonly company: Company }) {
  const { folder, origin, gatewayOrigin, company } = place
  const { server } = company.postgres
  const { host, port, user } = await server.createDatabase('countersign')
  return {
    listen: new URL(origin).host,
    origin,
    gateway_origin: gatewayOrigin,
    folder: join(folder, 'authority'),
    database_url: `postgres://${user}@${encodeURIComponent(host)}:${port}/countersign`,
    log_name: 'surface.example/log',
    staleness: '5s',
    ask_again: 1,
    allow_private: [company.cluster.host, company.idp.host],
    // The same person of the same provider: what a token is meant for tells an administrator's from a user's.
    admins: {
      issuer: company.idp.issuer,
      audience: 'countersign-admin',
      subjects: ['ana'],
      allow_private: [company.idp.host],
    },
    secrets: {},
    limits: DEFAULT_LIMITS,
  }
}

async function openGateway(
  { folder, origin, gatewayOrigin }: Place,
  evidence: string,
  log: Parameters<typeof startGateway>[1],
): Promise<Running> {
  const file = join(folder, 'gateway-token')
  await writeFile(file, evidence, { mode: 0o600 })
  const journal = join(folder, 'journal')
  await mkdir(journal, { mode: 0o700 })
  const config = { listen: new URL(gatewayOrigin).host, instance: 'gw-1', origin: gatewayOrigin, journal }
  return startGateway(
    { ...config, authority: origin, evidence: file, unshipped: '30s', ask_again: 1, ...GATEWAY_DEFAULTS },
    log,
  )
}

function applier(admin: AdminClient, company: Company): Surface['apply'] {
  return async (changed = {}, more = {}) => {
    const folder = await readFolder(join(ROOT, 'examples/demo/config'))
    const texts = { 'a/policies/asking.cedar': ASKING_POLICIES, ...more }
    const files = [...folder, ...Object.entries(texts)].map(([path, text]) => ({ path, text }))
    await admin.configure('apply', files, { ...company.variables, ...changed })
  }
}

function evidenceOf(company: Company, origin: string): Surface['evidence'] {
  return (account, over = {}, signing = {}) => {
    const [namespace = '', name = ''] = account.split('/')
    const { pod = randomUUID(), ...rest } = over
    const claims = {
      aud: [`${origin}/t/operator`],
      sub: `system:serviceaccount:${namespace}:${name}`,
      iat: soon() - 5,
      nbf: soon() - 5,
      exp: soon() + 600,
      'kubernetes.io': {
        namespace,
        serviceaccount: { name, uid: uidOf('sa', account) },
        pod: { name: String(pod), uid: uidOf('pod', String(pod)) },
      },
      ...rest,
    }
    return company.cluster.sign(claims, signing)
  }
}

/** A published key of each tenant; they are made right after the tenant is. */
async function tokenKeys(folder: string, origin: string): Promise<ReadonlyMap<string, SigningKey>> {
  const found = new Map<string, SigningKey>()
  for (const tenant of TENANTS) {
    const kid = await firstKid(`${origin}/t/${tenant}/jwks.json`)
    found.set(tenant, importSigningKey(await readFile(join(folder, tenant, `${kid}.pem`), 'utf8')))
  }
  return found
}

async function firstKid(url: string): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { keys } = (await (await fetch(url)).json()) as {
      readonly keys: readonly { readonly kid: string }[]
    }
    if (keys[0]) return keys[0].kid
    await setTimeout(20)
  }
  throw new Error(`no keys at ${url}`)
}
