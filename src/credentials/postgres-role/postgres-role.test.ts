import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { credentialPorts } from '../../../test/fakes/credential-ports.ts'
import type { Lease } from '../../core/credential/lease.ts'
import type { Agent } from '../../core/identity/agent.ts'
import type { Allow } from '../../core/policy/decision.ts'
import { type Resource, resourceSchema, toolsOf } from '../../core/policy/resource.ts'
import { reveal } from '../../core/secret.ts'
import { epochSeconds } from '../../core/time.ts'
import { startTestPostgres, type TestPostgres } from '../../stores/postgres/testing.ts'
import type { Issue } from '../contract.ts'
import { createPostgresRole } from './postgres-role.ts'

const provider = createPostgresRole()
let server: TestPostgres
let resource: Resource
let admin: string
let root: pg.Pool

beforeAll(async () => {
  server = await startTestPostgres({ tcp: true })
  const fresh = await server.freshDatabase()
  root = fresh.pool
  const { server: cluster } = server
  admin = `postgres:///${fresh.name}?host=${encodeURIComponent(cluster.socketDir)}&port=${cluster.port}&user=postgres`
  resource = resourceSchema.parse({
    resource: 'warehouse',
    type: 'postgres',
    at: `postgres://127.0.0.1:${cluster.tcpPort}/${fresh.name}`,
    tools: { read: ['orders', 'mine'] },
  })
  await root.query(`REVOKE ALL ON DATABASE ${fresh.name} FROM PUBLIC`)
  await root.query(`CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2); CREATE TABLE payroll (id int);
    CREATE TABLE mine (customer_id text); INSERT INTO mine VALUES ('c-1'), ('c-2');
    ALTER TABLE mine ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`)
})
afterAll(async () => {
  await provider.close?.()
  await server.stop()
})

let count = 0
function lease(seconds = 60): Lease {
  const expires = epochSeconds(Date.now() / 1000 + seconds)
  const id = `lea_test${++count}x${process.pid}`
  return {
    id,
    tenant: 'acme',
    agent: 'acme/pipeline',
    session: 'ses_1',
    decision: 'dec_1',
    resource: 'warehouse',
    provider: 'login',
    handle: '',
    links: [],
    rev: 1,
    expires,
    state: 'pending',
  } as unknown as Lease
}
const ports = credentialPorts()

function ask(of: Lease, attributes: Record<string, string> = {}): Issue {
  const user = { user: 'ana', idp: 'i', sub: 's', state: 'active' as const, attributes, groups: [] }
  return { allow: {} as Allow, lease: of, resource, tools: toolsOf(resource), agent: {} as Agent, user }
}

async function login(of: Lease, attributes?: Record<string, string>): Promise<pg.Client> {
  const made = await provider.issue(ask(of, attributes), { admin }, ports)
  if (!made.ok || made.value.placement.kind !== 'login') throw new Error('no login')
  const { host, port, database, user } = made.value.placement
  const client = new pg.Client({ host, port, database, user, password: reveal(made.value.secret) })
  client.on('error', () => {})
  await client.connect()
  return client
}

test('a minted login reads the tables it was made for and no other', async () => {
  const client = await login(lease())
  expect((await client.query('SELECT count(*)::int AS n FROM orders')).rows).toEqual([{ n: 2 }])
  await expect(client.query('SELECT * FROM payroll')).rejects.toThrow(/permission denied/)
  await expect(client.query('INSERT INTO orders VALUES (3)')).rejects.toThrow(/permission denied/)
  await expect(client.query('CREATE TABLE x (id int)')).rejects.toThrow(/permission denied/)
  await client.end()
})

test('row policies ask who the login stands for, and a session setting changes nothing', async () => {
  await root.query("CREATE POLICY own ON mine USING (customer_id = countersign.claim('customer_id'))")
  const client = await login(lease(), { customer_id: 'c-2' })
  await client.query("SET countersign.customer_id = 'c-1'")
  expect((await client.query('SELECT customer_id FROM mine')).rows).toEqual([{ customer_id: 'c-2' }])
  await expect(client.query('SELECT * FROM countersign.leases')).rejects.toThrow(/permission denied/)
  await expect(client.query("SET SESSION AUTHORIZATION 'postgres'")).rejects.toThrow(/permission denied/)
  await client.end()
})

test('a lease past its end shows no row even on a connection that is still open', async () => {
  const client = await login(lease(1), { customer_id: 'c-2' })
  await new Promise((resolve) => setTimeout(resolve, 2100))
  expect((await client.query('SELECT customer_id FROM mine')).rows).toEqual([])
  await client.end()
})

test('the password is stored as a SCRAM verifier', async () => {
  const of = lease()
  const client = await login(of)
  const { rows } = await root.query('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [`cs_${of.id}`])
  expect(rows[0].rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/)
  await client.end()
})

test('revoking ends an open connection in mid-query and removes the role, twice over', async () => {
  const of = lease()
  const client = await login(of)
  const running = client.query('SELECT pg_sleep(30)').catch((error: Error) => error.message)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await provider.revoke?.(`cs_${of.id}`, of, resource, { admin }, ports)).toEqual({
    ok: true,
    value: undefined,
  })
  expect(await running).toMatch(/terminating connection|Connection terminated/)
  expect((await root.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [`cs_${of.id}`])).rowCount).toBe(0)
  expect(await provider.revoke?.(`cs_${of.id}`, of, resource, { admin }, ports)).toEqual({
    ok: true,
    value: undefined,
  })
})

test('ending a lease whose login was never handed out removes what a crash left', async () => {
  const lost = lease()
  const client = await login(lost)
  expect(await provider.revoke?.('', lost, resource, { admin }, ports)).toEqual({
    ok: true,
    value: undefined,
  })
  await expect(client.query('SELECT 1')).rejects.toThrow()
  expect((await root.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [`cs_${lost.id}`])).rowCount).toBe(0)
})

test('what PUBLIC may do is found, with the REVOKE that ends it', async () => {
  expect(await provider.inspect?.(resource, { admin }, ports)).toEqual([])
  await root.query('GRANT SELECT ON payroll TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC')
  await root.query("CREATE FUNCTION peek() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
  const found = await provider.inspect?.(resource, { admin }, ports)
  expect(found?.flatMap(({ remedy }) => remedy)).toEqual([
    'REVOKE ALL ON public.payroll FROM PUBLIC;',
    'REVOKE ALL ON FUNCTION peek() FROM PUBLIC;',
    'REVOKE CREATE ON SCHEMA public FROM PUBLIC;',
  ])
})
