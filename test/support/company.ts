import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Pool } from 'pg'
import { startOrdersServer } from '../../examples/customer/orders-server.ts'
import { uidOf } from '../../examples/parts/cluster.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { startTestPostgres, type TestPostgres } from '../../src/stores/postgres/testing.ts'
import { ROOT } from '../source-files.ts'

export type Claims = Readonly<Record<string, unknown>>
export type Signing = { readonly typ?: string; readonly key?: KeyObject }

/** What signs as clusters and identity providers do: RS256, discovery and keys over HTTP. */
export type OutsideIssuer = {
  readonly issuer: string
  readonly host: string
  readonly key: KeyObject
  readonly publicKey: KeyObject
  readonly sign: (claims: Claims, signing?: Signing) => string
  readonly close: () => Promise<void>
}

async function startIssuer(): Promise<OutsideIssuer> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }
  const server = createServer((request, response) => {
    const documents: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: [jwk] },
    }
    const found = documents[request.url ?? '']
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer = `http://${host}`
  return {
    issuer,
    host,
    key: pair.privateKey,
    publicKey: pair.publicKey,
    sign: (claims, { typ = 'JWT', key = pair.privateKey } = {}) =>
      signJwt({ iss: issuer, jti: randomUUID(), ...claims }, { key, kid: 'k1', alg: 'RS256', typ }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** What a company has before Countersign comes, on loopback: databases, a cluster's issuer, an identity provider, an orders server. */
export type Company = {
  readonly cluster: OutsideIssuer
  readonly idp: OutsideIssuer
  readonly postgres: TestPostgres
  readonly orders: string
  /** Variables of the demo's configuration. */
  readonly variables: Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

async function openDatabase(postgres: TestPostgres, name: string, file: string): Promise<void> {
  const pool = new Pool({ ...(await postgres.server.createDatabase(name)), max: 1 })
  await pool.query(await readFile(join(ROOT, file), 'utf8'))
  await pool.end()
}

export async function startCompany(authority: string): Promise<Company> {
  const [postgres, cluster, idp] = await Promise.all([
    startTestPostgres({ tcp: true }),
    startIssuer(),
    startIssuer(),
  ])
  await openDatabase(postgres, 'analytics', 'examples/demo/warehouse.sql')
  await openDatabase(postgres, 'orders', 'examples/customer/orders.sql')
  const orders = await startOrdersServer({
    database: { ...postgres.server.connectionTo('orders', 'orders_app') },
    issuers: ['a', 'b'].map((tenant) => `${authority}/t/${tenant}`),
  })
  return {
    cluster,
    idp,
    postgres,
    orders: orders.url,
    variables: variablesOf(authority, { cluster, idp, postgres, orders: orders.url }),
    close: async () => {
      await orders.close()
      await Promise.all([cluster.close(), idp.close()])
      await postgres.stop()
    },
  }
}

type Places = Pick<Company, 'cluster' | 'idp' | 'postgres' | 'orders'>

function variablesOf(authority: string, { cluster, idp, postgres, orders }: Places): Record<string, string> {
  const { host, port, user } = postgres.server.connectionTo('analytics')
  return {
    authority,
    cluster: cluster.issuer,
    cluster_host: cluster.host,
    idp: idp.issuer,
    idp_host: idp.host,
    orders,
    warehouse: `postgres://127.0.0.1:${postgres.server.tcpPort}/analytics`,
    warehouse_admin: `postgres:///analytics?host=${encodeURIComponent(host)}&port=${port}&user=${user}`,
    login_life: '30s',
    ...Object.fromEntries(
      ['data/pipeline', 'data/reports', 'security/scanner', 'support/support', 'countersign/gateway'].map(
        (name) => [`uid_${name.slice(name.indexOf('/') + 1)}`, uidOf('sa', name)],
      ),
    ),
    ...ALWAYS_OPEN,
  }
}

const hour = (shift: number) => `${String((new Date().getUTCHours() + shift + 24) % 24).padStart(2, '0')}:00`
const ALWAYS_OPEN = { zone: 'UTC', days: 'mon-sun', from: hour(-1), to: hour(2) }
