import { expect, test } from 'vitest'
import { fakeProver, fakeTenant, ORIGIN, signAs, withRevocation } from '../../test/fakes/tenant.ts'
import type { CredentialAsk } from '../core/enforcement.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import { type Revision, revision, type TenantName } from '../core/ids.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { createReplayCache } from '../lib/jose/dpop-replay.ts'
import { newSigningKey } from '../lib/jose/signing-key.ts'
import { attestGateway } from './attest-gateway.ts'
import type { AuthorityPorts } from './authority.ts'
import { type AuthorizedGateway, authorizeGateway } from './authorize-gateway.ts'
import { judgeAgain } from './judge-again.ts'

const NOW = 1_800_000_000
const URL = `${ORIGIN}/gateway/v1/ack`
const signing = newSigningKey()
const operator = fakeTenant(
  'operator',
  { gateway: [{ gateway: 'edge', is: { trust: 'prod' }, tenants: ['a'] }] },
  [signing],
)
const prover = fakeProver(NOW, 'POST', URL)

function portsOf(tenant: TenantSnapshot, ageMs = 0): AuthorityPorts {
  const ports = {
    origin: ORIGIN,
    now: () => NOW * 1000,
    snapshot: () => ({ revision: revision(9), tenants: new Map([[OPERATOR, tenant]]) }),
    ageMs: () => ageMs,
    maxAgeMs: 5000,
    replay: createReplayCache(),
    store: { commit: async () => ({ done: true, revision: 9 as Revision }) },
  }
  return ports as unknown as AuthorityPorts
}

type Over = {
  readonly claims?: Record<string, unknown>
  readonly typ?: string
  readonly key?: typeof signing
}
function tokenOf({ claims = {}, typ = 'gateway+jwt', key = signing }: Over = {}): string {
  const said = {
    iss: `${ORIGIN}/t/operator`,
    sub: 'edge',
    aud: `${ORIGIN}/gateway`,
    ins: 'edge-1',
    iat: NOW - 5,
    exp: NOW + 60,
    jti: 'tok_1',
    rev: 5,
    lin: ['gateway:edge', `key:${prover.jkt}`],
    cnf: { jkt: prover.jkt },
  }
  return signAs(key, typ, { ...said, ...claims })
}
function outcome(token: string, tenant = operator, proof = prover.prove({}, token)): string {
  const presented = { authorization: [`DPoP ${token}`], dpop: [proof], method: 'POST', url: URL }
  const result = authorizeGateway(portsOf(tenant), presented)
  return result.ok ? result.value.gateway.gateway : result.error.reason
}

test('a gateway is who its credential says, as its entry stands now', () => {
  expect(outcome(tokenOf())).toBe('edge')
})

test.each([
  ['an access token', { typ: 'at+jwt' }, 'gateway.token'],
  ['an agent token', { typ: 'agent+jwt' }, 'gateway.token'],
  ['another audience', { claims: { aud: `${ORIGIN}/t/operator` } }, 'gateway.token'],
  ['two audiences', { claims: { aud: [`${ORIGIN}/gateway`, 'https://x.example'] } }, 'gateway.token'],
  ['another issuer', { claims: { iss: `${ORIGIN}/t/a` } }, 'gateway.token'],
  ['a key that is not published', { key: newSigningKey() }, 'gateway.token'],
  ['no link', { claims: { lin: [] } }, 'gateway.token'],
  ['no key', { claims: { cnf: {} } }, 'gateway.token'],
  ['its end', { claims: { exp: NOW } }, 'gateway.token_expired'],
  ['a gateway that is not registered', { claims: { sub: 'other' } }, 'gateway.removed'],
  ['another key', { claims: { cnf: { jkt: 'x'.repeat(43) } } }, 'gateway.key'],
])('a credential with %s is refused', (_what, over, reason) => {
  expect(outcome(tokenOf(over))).toBe(reason)
})

test.each([
  ['gateway:edge', 9, false, 'gateway.revoked'],
  ['gateway:edge', 5, false, 'edge'],
  ['gateway:edge', 1, true, 'gateway.revoked'],
  [`key:${prover.jkt}`, 9, false, 'gateway.revoked'],
  ['tenant:operator', 9, false, 'gateway.revoked'],
  ['gateway:other', 9, true, 'edge'],
])('with %s revoked at %i (standing: %s) it is %s', (link, at, standing, reason) => {
  expect(outcome(tokenOf(), withRevocation(operator, link, at, standing))).toBe(reason)
})

test('an operator that is suspended has no gateways', () => {
  const suspended = { ...operator, tenant: { ...operator.tenant, state: 'suspended' as const } }
  expect(outcome(tokenOf(), suspended)).toBe('tenant.suspended')
})

test('a proof is of this key, this token, this request, and counts once', () => {
  const token = tokenOf()
  expect(outcome(token, operator, fakeProver(NOW, 'POST', URL).prove({}, token))).toBe('gateway.key')
  expect(outcome(token, operator, prover.prove({}))).toBe('dpop.token')
  expect(outcome(token, operator, prover.prove({ htu: `${ORIGIN}/gateway/v1/spend` }, token))).toBe(
    'dpop.url',
  )
  const ports = portsOf(operator)
  const once = { authorization: [`DPoP ${token}`], dpop: [prover.prove({}, token)], method: 'POST', url: URL }
  expect(authorizeGateway(ports, once).ok).toBe(true)
  const again = authorizeGateway(ports, once)
  expect(!again.ok && again.error.reason).toBe('dpop.replayed')
})

test('an authority that does not know whether its view is current mints nothing', async () => {
  const old = portsOf(operator, 6000)
  const wire = { dpop: [], method: 'POST', url: URL, signal: () => new AbortController().signal }
  const stale = { fault: 'unavailable', reason: 'registry.stale' }
  await expect(attestGateway(old, { evidence: 'x', instance: 'edge-1' }, wire)).rejects.toMatchObject(stale)
  const ask = { tenant: 'a' as TenantName, resource: 'orders' } as CredentialAsk
  const gateway = { gateway: { gateway: 'edge', tenants: ['a'] } } as unknown as AuthorizedGateway
  await expect(judgeAgain(old, gateway, ask)).rejects.toMatchObject(stale)
})
