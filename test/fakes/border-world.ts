import type { Credential } from '../../src/core/credential/credential.ts'
import { refuse } from '../../src/core/refusal.ts'
import { err, ok } from '../../src/core/result.ts'
import { Secret } from '../../src/core/secret.ts'
import type { LeasingPorts } from '../../src/flows/open-lease.ts'
import { newSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'
import type { World } from '../properties/decide-world.ts'
import { foreignIssuer } from './authority.ts'

export const GATEWAY = 'https://gateway.example'
export const CLUSTER = foreignIssuer('https://cluster.example')
export const uriOf = (tenant: string, resource: string) => `${GATEWAY}/t/${tenant}/mcp/${resource}`

const tool = { hint: 'read' } as const
const customer = (name: string): World[string] => ({
  idp: [{ idp: 'sso', issuer: 'https://idp.example' }],
  user: [{ user: `ana@${name}.example`, idp: 'sso', sub: 'ana' }],
  agent: [{ agent: 'bot', kind: 'customer', owner: 'lee@a.example', is: { trust: 'none', 'k8s:sa': 'bot' } }],
  credential: [{ credential: 'upstream', provider: 'test' }],
  resource: [
    {
      resource: 'orders',
      type: 'mcp',
      at: 'https://orders.example/mcp',
      data: 'argument',
      credential: { provider: 'upstream', life: '5m' },
      tools: { get_order: tool, cancel: { hint: 'write' } },
    },
    {
      resource: 'catalogue',
      type: 'mcp',
      at: 'https://catalogue.example/mcp',
      data: 'argument',
      tools: { search: tool },
    },
  ],
  delegation: [{ delegation: 'bot', agent: 'bot', user: '*', tools: ['orders/*', 'catalogue/*'] }],
  cedar: `
    @id("agents-read") permit (principal is Agent, action in [Action::"orders/*read", Action::"catalogue/*read"], resource);
    @id("users-read") permit (principal is User, action in [Action::"orders/*read", Action::"catalogue/*read"], resource);
  `,
})

export function worldOf(origin: string, keys: ReadonlyMap<string, SigningKey>): World {
  const key = (tenant: string) => {
    const signing = keys.get(tenant) ?? newSigningKey()
    return { key: [{ key: signing.kid, state: 'current', created: 0, jwk: signing.jwk }] }
  }
  const is = (name: string) => ({ trust: 'prod', 'k8s:ns': 'apps', 'k8s:sa': name })
  return {
    operator: {
      ...key('operator'),
      trust: [
        {
          trust: 'prod',
          attestor: 'oidc-token',
          preset: 'kubernetes',
          issuer: CLUSTER.issuer,
          audience: `${origin}/t/operator`,
          pin: { 'sa-uid': ['u-edge', 'u-other', 'u-scanner'] },
          jwks: CLUSTER.jwks,
        },
      ],
      agent: [{ agent: 'scanner', kind: 'workforce', owner: 'lee@operator.example', is: is('scanner') }],
      gateway: [
        { gateway: 'edge', is: is('edge'), tenants: ['a'] },
        { gateway: 'other', is: is('other'), tenants: ['b'], resources: ['orders'] },
      ],
    },
    a: { ...customer('a'), ...key('a') },
    b: { ...customer('b'), ...key('b') },
  }
}

/** A provider that behaves: what it made and ended is to be seen, and it can be told to fail. */
export type Upstream = LeasingPorts & {
  readonly live: Set<string>
  failing: boolean
  /** Called while a credential is being made. */
  during: () => Promise<void>
}
export function upstream(): Upstream {
  const self: Upstream = {
    live: new Set(),
    failing: false,
    during: async () => undefined,
    issue: async (_tenant, { lease }) => {
      await self.during()
      self.live.add(lease.id)
      const credential: Credential = {
        placement: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
        secret: new Secret(`secret of ${lease.id}`),
        expires: lease.expires,
        handle: lease.id,
      }
      return ok(credential)
    },
    end: async (_tenant, lease) => {
      if (self.failing) return err(refuse('denied', 'target.unreachable', 'The target does not answer.'))
      self.live.delete(lease.id)
      return ok(undefined)
    },
  }
  return self
}
