declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A tenant's name: the wall (ARCHITECTURE §3). Lower case, 1 to 40 of a-z 0-9 and inner hyphens. */
export type TenantName = Branded<'TenantName'>
/** An agent, named across tenants: `<home tenant>/<agent name>`. */
export type AgentId = Branded<'AgentId'>
/** A user of one tenant: `usr_` and 16 characters, derived from (tenant, iss, sub); holds no personal data. */
export type UserId = Branded<'UserId'>
export type SessionId = Branded<'SessionId'>
export type DecisionId = Branded<'DecisionId'>
export type LeaseId = Branded<'LeaseId'>
export type TokenId = Branded<'TokenId'>
/** A process that numbers its own records: an authority or a gateway instance. */
export type RecorderId = Branded<'RecorderId'>
/** The number of a committed change (ARCHITECTURE §9). Commit order is revision order. */
export type Revision = number & { readonly [brand]: 'Revision' }

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

/** Names in configuration, URLs and tokens share one shape: nothing to escape, nothing to confuse by case. */
export function isName(text: string): boolean {
  return NAME.test(text)
}

export function tenantName(text: string): TenantName | undefined {
  return isName(text) ? (text as TenantName) : undefined
}

export function agentId(home: TenantName, agent: string): AgentId {
  return `${home}/${agent}` as AgentId
}

export function splitAgentId(id: AgentId): { readonly home: TenantName; readonly agent: string } {
  const at = id.indexOf('/')
  return { home: id.slice(0, at) as TenantName, agent: id.slice(at + 1) }
}

/** `undefined` unless it is `<tenant>/<agent>`, both well-formed names. */
export function parseAgentId(text: string): AgentId | undefined {
  const parts = text.split('/')
  return parts.length === 2 && parts.every(isName) ? (text as AgentId) : undefined
}

export function revision(value: number): Revision {
  return value as Revision
}

export const ID_PREFIX = {
  decision: 'dec_',
  session: 'ses_',
  lease: 'lea_',
  token: 'tok_',
  user: 'usr_',
  event: 'evt_',
  recorder: 'rec_',
} as const

/** Random ids, handed in like the clock. 16 characters of lower-case base32: 80 bits, short enough to say aloud. */
export type NewId = <P extends keyof typeof ID_PREFIX>(kind: P) => string
