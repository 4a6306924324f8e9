import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openPool } from '../../src/stores/postgres/connect.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/stores/postgres/embedded/start.ts'
import { uidOf } from '../parts/cluster.ts'
import { type Cli, operatorCli } from './cli.ts'
import { freePort, makeRunFolder, removeRunFolder, writeJson } from './folders.ts'
import { type Front, startFront } from './front.ts'
import { type Part, startPart } from './part.ts'

/** Everything of the demo, running: real processes on loopback, each on a port of its own. */
export type World = {
  /** Folder of the program that runs. */
  readonly program: string
  readonly folder: string
  readonly authority: string
  readonly gateway: string
  readonly idp: string
  readonly cli: Cli
  readonly front: Front
  readonly parts: ReadonlyMap<string, Part>
  readonly part: (name: string) => Part
  readonly tokenFile: (pod: string) => string
  /** Applies the configuration with some variables changed. */
  readonly apply: (changed?: Readonly<Record<string, string>>) => Promise<void>
  readonly start: (name: string, script: string, args: readonly string[]) => Promise<Part>
  readonly close: () => Promise<void>
}

export type WorldOptions = {
  /** Folder of the program: this repository, or a copy with a guard taken out. */
  readonly program: string
  readonly log: (line: string) => void
  readonly progress: (line: string) => void
}

const PODS = [
  { pod: 'pipeline', namespace: 'data', serviceAccount: 'pipeline' },
  { pod: 'impostor', namespace: 'data', serviceAccount: 'reports' },
  { pod: 'scanner', namespace: 'security', serviceAccount: 'scanner' },
  { pod: 'support', namespace: 'support', serviceAccount: 'support' },
  { pod: 'gw-1', namespace: 'countersign', serviceAccount: 'gateway' },
  { pod: 'gw-2', namespace: 'countersign', serviceAccount: 'gateway' },
] as const

/** The database's own hour now, so that the business hours can be set around it or away from it. */
export function hoursAround(now: Date): {
  readonly open: Record<string, string>
  readonly closed: Record<string, string>
} {
  const hour = now.getUTCHours()
  const at = (shift: number) => `${String((hour + shift + 24) % 24).padStart(2, '0')}:00`
  const days = 'mon-sun'
  return {
    open: { zone: 'UTC', days, from: at(-1), to: at(2) },
    closed: { zone: 'UTC', days, from: at(3), to: at(5) },
  }
}

type Addresses = {
  readonly authority: string
  readonly gateway: string
  readonly cluster: string
  readonly idp: string
  readonly orders: string
  readonly warehouse: string
  readonly warehouseAdmin: string
}

function variables(at: Addresses): Record<string, string> {
  return {
    authority: at.authority,
    cluster: at.cluster,
    cluster_host: new URL(at.cluster).host,
    idp: at.idp,
    idp_host: new URL(at.idp).host,
    orders: at.orders,
    warehouse: at.warehouse,
    warehouse_admin: at.warehouseAdmin,
    login_life: '8s',
    uid_pipeline: uidOf('sa', 'data/pipeline'),
    uid_reports: uidOf('sa', 'data/reports'),
    uid_scanner: uidOf('sa', 'security/scanner'),
    uid_support: uidOf('sa', 'support/support'),
    uid_gateway: uidOf('sa', 'countersign/gateway'),
    ...hoursAround(new Date()).open,
  }
}

/** The company's own databases: a cluster of its own, which Countersign reaches as an admin by socket and its agents by TCP. */
async function startCompanyDatabases(folder: string, program: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'company-databases'), tcp: {} })
  for (const [database, file] of [
    ['analytics', join(program, 'examples/demo/warehouse.sql')],
    ['orders', join(program, 'examples/customer/orders.sql')],
  ] as const) {
    const pool = openPool(await server.createDatabase(database), { applicationName: 'demo', max: 1 })
    await pool.query(await readFile(file, 'utf8'))
    await pool.end()
  }
  return server
}

type Start = World['start']
type Started = { readonly parts: Map<string, Part>; readonly closers: (() => Promise<void>)[] }

/** Starts the parts in the order they need each other, as many at once as can be. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const started: Started = { parts: new Map(), closers: [] }
  try {
    return await assemble(options, started)
  } catch (error) {
    await closeAll(started)
    throw error
  }
}

async function closeAll({ parts, closers }: Started): Promise<void> {
  // Gateways before their authority: they have records to ship to it, and would report that it is gone.
  const all = [...parts.values()]
  const gateways = all.filter(({ name }) => name.startsWith('gw-'))
  await Promise.all(gateways.map((part) => part.stop()))
  await Promise.all(all.map((part) => part.stop()))
  for (const close of [...closers].reverse()) await close().catch(() => undefined)
}

type Company = { readonly databases: EmbeddedPostgres; readonly cluster: string; readonly idp: string }

const USERS = [
  { sub: 'ana', email: 'ana@a.example' },
  { sub: 'ada', email: 'ada@a.example' },
  { sub: 'bo', email: 'bo@b.example' },
]

/** What a company has before Countersign comes: databases, a cluster that runs its agents, an identity provider for its people. */
async function startCompany(
  { folder, authority, program }: Place,
  start: Start,
  started: Started,
): Promise<Company> {
  const pods = PODS.map((pod) => ({ ...pod, audience: `${authority}/t/operator` }))
  const clients = ['a', 'b'].map((tenant) => {
    const logout = `${authority}/t/${tenant}/logout/company`
    return { id: `support-${tenant}`, redirect: 'http://127.0.0.1:9/signed-in', logout }
  })
  const podsFile = await writeJson(join(folder, 'pods.json'), pods)
  const idpFile = await writeJson(join(folder, 'idp.json'), { users: USERS, clients })
  const [databases, cluster, idp] = await Promise.all([
    startCompanyDatabases(folder, program),
    start('cluster', join(program, 'examples/parts/cluster.ts'), [join(folder, 'pods'), podsFile]),
    start('identity provider', join(program, 'examples/parts/identity-provider.ts'), [idpFile]),
  ])
  started.closers.push(() => databases.stop())
  return { databases, cluster: String(cluster.facts['issuer']), idp: String(idp.facts['issuer']) }
}

async function startAuthority(place: Place, company: Company, start: Start): Promise<Part> {
  const { folder, authority, gateway, program } = place
  const config = await writeJson(join(folder, 'authority.yaml'), {
    authority: {
      listen: new URL(authority).host,
      origin: authority,
      gateway_origin: gateway,
      folder: join(folder, 'authority'),
      log_name: 'demo.countersign.example/log',
      // Every decided call, where a company would ask about one in thousands.
      ask_again: 1,
      allow_private: [company.cluster, company.idp].map((url) => new URL(url).host),
    },
  })
  return start('authority', join(program, 'bin/countersign.mjs'), ['serve', '--config', config, '--json'])
}

type Place = {
  readonly folder: string
  readonly authority: string
  readonly gateway: string
  readonly program: string
}

async function assemble(options: WorldOptions, started: Started): Promise<World> {
  const { program, log, progress } = options
  const folder = await makeRunFolder()
  started.closers.push(() => removeRunFolder(folder))
  const start: Start = async (name, script, args) => {
    const part = await startPart(name, script, args, log)
    started.parts.set(name, part)
    return part
  }
  const front = await startFront()
  started.closers.push(front.close)
  const authority = `http://127.0.0.1:${await freePort()}`
  const place: Place = { folder, program, authority, gateway: `http://127.0.0.1:${front.port}` }
  progress('starting the company: databases, cluster, identity provider')
  const company = await startCompany(place, start, started)
  progress('starting Countersign: an authority and two gateways')
  const [orders] = await Promise.all([
    startOrders(start, company.databases, place),
    startAuthority(place, company, start),
  ])
  const cli = operatorCli(program, join(folder, 'authority', 'admin.sock'), join(folder, 'state'))
  const vars = variables({
    ...place,
    ...company,
    orders: String(orders.facts['url']),
    ...warehouse(company.databases),
  })
  const apply: World['apply'] = (changed = {}) => applyConfiguration(cli, program, { ...vars, ...changed })
  await apply()
  const gateways = await Promise.all(['gw-1', 'gw-2'].map((name) => startGateway(start, { name, ...place })))
  front.point(gateways.map((part) => Number(part.facts['port'])))
  const part: World['part'] = (name) => started.parts.get(name) ?? missing(name)
  const tokenFile: World['tokenFile'] = (pod) => join(folder, 'pods', pod, 'token')
  const close = () => closeAll(started)
  return {
    ...place,
    idp: company.idp,
    cli,
    front,
    parts: started.parts,
    part,
    tokenFile,
    apply,
    start,
    close,
  }
}

/** Where agents log in (TCP, with what was minted for them), and where the authority administrates (socket, by who it is). */
function warehouse(databases: EmbeddedPostgres): Pick<Addresses, 'warehouse' | 'warehouseAdmin'> {
  const { host, port } = databases.connectionTo('analytics')
  return {
    warehouse: `postgres://127.0.0.1:${databases.tcpPort}/analytics`,
    warehouseAdmin: `postgres:///analytics?host=${encodeURIComponent(host)}&port=${port}&user=postgres`,
  }
}

function missing(name: string): never {
  throw new Error(`there is no part named ${name}`)
}

async function applyConfiguration(
  cli: Cli,
  program: string,
  vars: Readonly<Record<string, string>>,
): Promise<void> {
  const flags = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}=${value}`])
  const done = await cli('apply', '-f', join(program, 'examples/demo/config'), ...flags)
  if (done.code !== 0)
    throw new Error(`the configuration was refused: ${JSON.stringify(done.json)} ${done.stderr}`)
}

async function startOrders(
  start: Start,
  databases: EmbeddedPostgres,
  { authority, folder, program }: Place,
): Promise<Part> {
  const settings = await writeJson(join(folder, 'orders.json'), {
    database: { ...databases.connectionTo('orders', 'orders_app') },
    issuers: ['a', 'b'].map((tenant) => `${authority}/t/${tenant}`),
  })
  return start('orders server', join(program, 'examples/customer/orders-server.ts'), [settings])
}

type GatewayPlace = {
  readonly name: string
  readonly program: string
  readonly folder: string
  readonly authority: string
  readonly gateway: string
}

async function startGateway(
  start: Start,
  { name, program, folder, authority, gateway }: GatewayPlace,
): Promise<Part> {
  const config = await writeJson(join(folder, `${name}.yaml`), {
    gateway: {
      listen: '127.0.0.1:0',
      instance: name,
      origin: gateway,
      authority,
      evidence: join(folder, 'pods', name, 'token'),
      journal: join(folder, name, 'journal'),
      ask_again: 1,
    },
  })
  return start(name, join(program, 'bin/countersign.mjs'), ['serve', '--config', config, '--json'])
}
