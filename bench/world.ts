import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, makeRunFolder, ROOT, removeRunFolder, writeJson } from '../examples/demo/folders.ts'
import { uidOf } from '../examples/parts/cluster.ts'
import { type AdminClient, createAdminClient } from '../src/sdk/admin-client.ts'
import { openPool } from '../src/stores/postgres/connect.ts'
import { startEmbeddedPostgres } from '../src/stores/postgres/embedded/start.ts'
import { evidenceOf, type Issuer, startIssuer } from './issuers.ts'
import { type Started, type StartOptions, startProcess } from './processes.ts'
import type { Run } from './report.ts'

export const MAIN = join(ROOT, 'bin/countersign.mjs')
/** How many resources and users the tenant has: runs vary over them. */
export const RESOURCES = 8
export const USERS = 50

/** What a part stands on: issuers served by this process, PostgreSQL beside it, and an authority with one tenant, in its own process. */
export type World = {
  readonly folder: string
  /** The authority's configuration file. */
  readonly config: string
  /** The database that this process started; empty where the authority has its own. */
  readonly databaseUrl: string
  readonly cluster: Issuer
  readonly idp: Issuer
  readonly authority: Started
  readonly origin: string
  readonly gatewayOrigin: string
  readonly tokenUrl: string
  readonly issuer: string
  readonly resource: (at: number) => string
  readonly admin: AdminClient
}

export type WorldOptions = {
  /** The authority is the server under test. */
  readonly measured: boolean
  /** The authority starts PostgreSQL itself, as it does where it is given none; else it is started by this process, off the server's core. */
  readonly ownDatabase?: boolean
  /** Where the resources' requests go. */
  readonly upstream?: string
  /** Tenants beside `acme`, each with the same agents, users, resources and policies. */
  readonly others?: readonly string[]
  /** More files of `acme`. */
  readonly files?: Readonly<Record<string, string>>
  /** Keys of the server's configuration for the authority, beside those that it must have. */
  readonly authority?: Readonly<Record<string, unknown>>
}

/** Runs `work` in a world of its own, and takes all of it down afterwards. */
export async function inWorld<T>(
  run: Run,
  options: WorldOptions,
  work: (world: World) => Promise<T>,
): Promise<T> {
  const closers: (() => Promise<unknown>)[] = []
  try {
    return await work(await startWorld(run, options, closers))
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

async function startWorld(
  run: Run,
  {
    measured,
    ownDatabase = false,
    upstream = 'http://127.0.0.1:9',
    others = [],
    files = {},
    authority: keys,
  }: WorldOptions,
  closers: (() => Promise<unknown>)[],
): Promise<World> {
  const folder = await makeRunFolder()
  closers.push(() => removeRunFolder(folder))
  run.progress('starting PostgreSQL and an authority')
  const [cluster, idp] = await Promise.all([startIssuer(), startIssuer()])
  closers.push(cluster.close, idp.close)
  const database: { readonly database_url?: string } = ownDatabase
    ? {}
    : { database_url: await startDatabase(run, folder, closers) }
  const origin = `http://127.0.0.1:${await freePort()}`
  const gatewayOrigin = `http://127.0.0.1:${await freePort()}`
  const config = await writeJson(join(folder, 'authority.yaml'), {
    authority: {
      ...authorityConfig(folder, origin, gatewayOrigin),
      ...database,
      ...keys,
      allow_private: [cluster, idp].map(({ issuer }) => new URL(issuer).host),
    },
  })
  const authority = await serve(run, config, { measured })
  closers.push(authority.stop)
  const admin = createAdminClient({ socket: String(authority.facts['socket']) })
  closers.push(admin.close)
  const more = Object.entries(files).map(([path, text]) => ({ path: `acme/${path}`, text }))
  await admin.configure('apply', [...(await configuration(['acme', ...others])), ...more], {
    authority: origin,
    cluster: cluster.issuer,
    cluster_host: new URL(cluster.issuer).host,
    idp: idp.issuer,
    idp_host: new URL(idp.issuer).host,
    upstream,
    uid_support: uidOf('sa', 'support/support'),
    uid_desk: uidOf('sa', 'support/desk'),
    uid_gateway: uidOf('sa', 'countersign/gateway'),
  })
  const issuer = `${origin}/t/acme`
  return {
    folder,
    config,
    databaseUrl: database.database_url ?? '',
    cluster,
    idp,
    authority,
    origin,
    gatewayOrigin,
    issuer,
    tokenUrl: `${issuer}/token`,
    resource: (at) => `${gatewayOrigin}/t/acme/mcp/${resourceName(at)}`,
    admin,
  }
}

export function authorityConfig(folder: string, origin: string, gatewayOrigin: string) {
  return {
    listen: new URL(origin).host,
    origin,
    gateway_origin: gatewayOrigin,
    folder: join(folder, 'authority'),
    log_name: 'bench.countersign.example/log',
  }
}

/** Runs `countersign serve`; where the server under test is profiled, it writes its profile when it ends. */
export function serve(run: Run, config: string, options: StartOptions): Promise<Started> {
  const profiled = options.measured && run.profile !== undefined
  const nodeArgs = profiled ? ['--cpu-prof', `--cpu-prof-dir=${run.profile}`] : []
  return startProcess(MAIN, ['serve', '--config', config, '--json'], { ...options, nodeArgs })
}

/** A gateway of the tenant, attested as a pod of the same cluster. */
export async function startGateway(
  run: Run,
  { folder, cluster, origin, gatewayOrigin }: Pick<World, 'folder' | 'cluster' | 'origin' | 'gatewayOrigin'>,
  options: StartOptions,
): Promise<Started> {
  run.progress('starting a gateway')
  const evidence = join(folder, 'gateway-token')
  await writeFile(evidence, evidenceOf(cluster, 'countersign/gateway', 'gw-1', `${origin}/t/operator`))
  const config = await writeJson(join(folder, 'gateway.yaml'), {
    gateway: {
      listen: new URL(gatewayOrigin).host,
      instance: 'gw-1',
      origin: gatewayOrigin,
      authority: origin,
      evidence,
      journal: join(folder, 'gateway', 'journal'),
    },
  })
  return serve(run, config, options)
}

export function resourceName(at: number): string {
  return `orders-${at % RESOURCES}`
}

/** PostgreSQL as we ship it, started by this process so that it runs on this process's core; and what it says about durability. */
async function startDatabase(run: Run, folder: string, closers: (() => Promise<unknown>)[]) {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres', 'cluster') })
  closers.push(() => server.stop())
  await server.createDatabase('countersign')
  const { host, port } = server.connection
  run.progress(await durability(server.connection))
  return `postgres://postgres@${encodeURIComponent(host)}:${port}/countersign`
}

/** Throws unless PostgreSQL says that a commit is on disk when it is answered. */
async function durability(connection: Parameters<typeof openPool>[0]): Promise<string> {
  const pool = openPool(connection, { applicationName: 'bench', max: 1 })
  const { rows } = await pool.query<{ version: string; fsync: string; commit: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync,
      current_setting('synchronous_commit') as commit`,
  )
  await pool.end()
  const [row] = rows
  if (row?.fsync !== 'on' || row.commit !== 'on') throw new Error('PostgreSQL runs without durable commits')
  return `PostgreSQL ${row.version}, fsync ${row.fsync}, synchronous_commit ${row.commit}`
}

/** The folder of all tenants: one file of what there is once, and for each resource its document and its policies. */
async function configuration(tenants: readonly string[]): Promise<{ path: string; text: string }[]> {
  const read = (name: string) => readFile(join(ROOT, 'bench/config', name), 'utf8')
  const [operator, tenant, resource, policy] = await Promise.all([
    read('operator.yaml'),
    read('tenant.yaml'),
    read('resource.yaml'),
    read('policy.cedar'),
  ])
  const named = Array.from({ length: RESOURCES }, (_, at) => resourceName(at))
  const tools = JSON.stringify(named.map((name) => `${name}/*`))
  const fill = (text: string, name: string) => text.replaceAll(`\${resource}`, name)
  return [
    { path: 'operator/tenant.yaml', text: operator.replaceAll(`\${tenants}`, JSON.stringify(tenants)) },
    ...tenants.flatMap((of) => [
      { path: `${of}/tenant.yaml`, text: tenant.replaceAll(`\${tenant}`, of).replaceAll(`\${tools}`, tools) },
      {
        path: `${of}/users.yaml`,
        text: Array.from({ length: USERS }, (_, at) => userDocument(at)).join('---\n'),
      },
      ...named.map((name) => ({ path: `${of}/${name}.yaml`, text: fill(resource, name) })),
      ...named.map((name) => ({ path: `${of}/policies/${name}.cedar`, text: fill(policy, name) })),
    ]),
  ]
}

/** The provider's `sub` of a user. */
export function userSub(at: number): string {
  return `user-${at % USERS}`
}

function userDocument(at: number): string {
  return `user: ${userSub(at)}@acme.example\nidp: company\nsub: ${userSub(at)}\nattributes: { customer_id: c-${at} }\n`
}
