import { describe, expect, it } from 'vitest'
import { applyChanges } from '../core/apply-changes.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import { type Change, DOCUMENTS, type DocumentKind } from '../core/registry.ts'
import { ok } from '../core/result.ts'
import { emptySnapshot } from '../core/snapshot.ts'
import { type AuthorityConfig, DEFAULT_LIMITS } from './config.ts'
import { rootsOf } from './roots.ts'

const CONFIG: AuthorityConfig = {
  listen: '127.0.0.1:0',
  origin: 'https://authority.example',
  gateway_origin: 'https://gateway.example',
  folder: '/state',
  log_name: 'authority.example/log',
  staleness: '5s',
  ask_again: 10_000,
  allow_private: [],
  secrets: {},
  limits: DEFAULT_LIMITS,
}

function change(tenant: string, kind: DocumentKind, name: string, doc: object): Change {
  const parsed = DOCUMENTS[kind].parse({ [kind]: name, ...doc })
  return { tenant: tenant as TenantName, kind, name, doc: parsed, revision: 1 as Revision } as Change
}

const admin = (name: string, url: string) =>
  change('a', 'credential', name, { provider: 'postgres-role', admin: url })
const snapshot = applyChanges(
  emptySnapshot(),
  [
    change('b', 'tenant', 'b', {}),
    change('a', 'tenant', 'a', {}),
    admin('socket', 'postgres:///analytics?host=/run/postgresql&user=cs'),
    admin('remote', 'postgres://cs:hunter2@db.example:5432/analytics?sslmode=verify-full'),
    change('a', 'credential', 'tokens', { provider: 'signed-token', audience: 'https://orders.example' }),
  ],
  { conditionTest: () => ok(() => ({ holds: true })) as never },
)
const byName = (config: AuthorityConfig) =>
  new Map(rootsOf(config, snapshot).map(({ root, ...rest }) => [root, rest]))

describe('the roots', () => {
  it('are the log key, the root of tickets, a key of each tenant, the database, the socket, and admin logins of targets', () => {
    expect([...byName(CONFIG).keys()]).toEqual([
      'audit-log-key',
      'ticket-root',
      'token-key/a',
      'token-key/b',
      'sealing-key',
      'database',
      'admin-socket',
      'target-admin/a/socket',
      'target-admin/a/remote',
    ])
    expect(byName(CONFIG).get('token-key/a')?.where).toBe('/state/keys/tokens/a')
    expect(byName({ ...CONFIG, keys: '/keys' }).get('audit-log-key')?.where).toBe('/keys/audit-log.key')
  })

  it('say where a certificate key and the secrets of attestors are', () => {
    const roots = byName({
      ...CONFIG,
      tls: { certificate: '/tls.crt', key: '/tls.key' },
      secrets: { review: '/run/review.token' },
    })
    expect(roots.get('tls-key')?.where).toBe('/tls.key')
    expect(roots.get('secret/review')?.where).toBe('/run/review.token')
  })

  it('say which logins have a password, and never the password', () => {
    const roots = byName({ ...CONFIG, database_url: 'postgres://cs:swordfish@db.example/countersign' })
    expect(roots.get('database')).toEqual({ what: 'login of cs, with a password', where: 'db.example' })
    expect(roots.get('target-admin/a/socket')).toEqual({
      what: 'postgres-role: admin login, no password',
      where: '/run/postgresql',
    })
    expect(roots.get('target-admin/a/remote')?.what).toContain('with a password')
    const all = JSON.stringify([...roots])
    expect(all).not.toMatch(/hunter2|swordfish/)
  })

  it('say so where the database needs no password', () => {
    expect(byName(CONFIG).get('database')?.what).toContain('no password')
    const peer = byName({ ...CONFIG, database_url: 'postgres://cs@%2Frun%2Fpostgresql/countersign' })
    expect(peer.get('database')).toEqual({ what: 'login of cs, no password', where: '/run/postgresql' })
  })
})
