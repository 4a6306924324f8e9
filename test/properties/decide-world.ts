import { applyChanges } from '../../src/core/apply-changes.ts'
import type { PrincipalChain } from '../../src/core/identity/principal-chain.ts'
import { userId } from '../../src/core/identity/user.ts'
import type { AgentId, DecisionId, Revision, SessionId, TenantName, UserId } from '../../src/core/ids.ts'
import type { AccessRequest } from '../../src/core/policy/access-request.ts'
import type { Condition, ConditionTest } from '../../src/core/policy/condition.ts'
import { type Refusal, refuse } from '../../src/core/refusal.ts'
import { type Change, DOCUMENTS, type DocumentKind } from '../../src/core/registry.ts'
import { err, ok, type Result } from '../../src/core/result.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { type EpochMillis, type EpochSeconds, epochMillis } from '../../src/core/time.ts'
import { openCedar } from '../../src/lib/cedar/cedar.ts'

export const ISSUER = 'https://idp.example'
export const NOW: EpochMillis = epochMillis(Date.UTC(2026, 10, 24, 12, 0, 0))

/** A tenant as people write it; policies and templates in Cedar's own syntax, each with its `@id`. */
type Written = { readonly [K in DocumentKind]?: readonly object[] } & { readonly cedar?: string }
export type World = { readonly [tenant: string]: Written }

/** Conditions whose outcome is written in their settings: `{ state: 'holds' }`; without one their settings are refused. */
export function conditionTest(condition: Condition): Result<ConditionTest, Refusal> {
  const { state } = condition.config
  if (state === 'holds' || state === 'fails')
    return ok(() => ({ state, fact: 'as the test says', ageSeconds: 0 }))
  if (state === 'missing' || state === 'stale') return ok(() => ({ state, fact: 'the test says nothing' }))
  return err(refuse('malformed', 'condition.config', 'no such state'))
}
export const PORTS = { conditionTest }

let revisions = 0
export function change(tenant: string, kind: DocumentKind, name: string, doc: object | null): Change {
  revisions += 1
  return { tenant, kind, name, doc, revision: revisions as Revision } as unknown as Change
}

/** Every document of a world as changes, with the defaults that its schema fills in. */
export async function changesOf(world: World): Promise<Change[]> {
  const changes: Change[] = []
  for (const [tenant, { cedar, ...docs }] of Object.entries(world)) {
    changes.push(change(tenant, 'tenant', tenant, DOCUMENTS.tenant.parse({ tenant, ...docs.tenant?.[0] })))
    for (const [kind, list] of Object.entries(docs) as [DocumentKind, readonly object[]][]) {
      if (kind === 'tenant') continue
      for (const doc of list) {
        const parsed = DOCUMENTS[kind].parse(doc) as Record<string, unknown>
        changes.push(change(tenant, kind, String(parsed[kind]), parsed))
      }
    }
    changes.push(...(await policyChanges(tenant, cedar ?? '')))
  }
  return changes
}

const cedarThread = openCedar()

export async function policyChanges(tenant: string, text: string): Promise<Change[]> {
  if (text === '') return []
  const parsed = await cedarThread.parsePolicies({ file: 'test.cedar', text })
  if (!parsed.ok) throw new Error(parsed.error.map(({ says }) => says).join('\n'))
  return parsed.value.map(({ id, effect, text: source, est, template }) =>
    template
      ? change(tenant, 'template', id, { template: id, effect, text: source, est })
      : change(tenant, 'policy', id, { policy: id, effect, text: source, est }),
  )
}

export async function snapshotOf(world: World): Promise<Snapshot> {
  return applyChanges(emptySnapshot(), await changesOf(world), PORTS)
}

export function ana(tenant: string, sub = 'ana'): UserId {
  return userId(tenant as TenantName, ISSUER, sub)
}

export type Ask = {
  readonly tenant?: string
  readonly agent?: string
  readonly user?: UserId | undefined
  readonly resource?: string
  readonly tool?: string
  readonly input?: AccessRequest['act'] extends infer A ? (A extends { input: infer I } ? I : never) : never
  readonly kind?: 'enter' | 'list' | 'call'
  readonly chain?: Partial<PrincipalChain>
  readonly address?: string
}

/** A request with the usual chain: attested, bound to a key, made after every document of the world. */
export function request(ask: Ask = {}): AccessRequest {
  const tenant = (ask.tenant ?? 'a') as TenantName
  const agent = (ask.agent ?? 'operator/support') as AgentId
  const kind = ask.kind ?? 'call'
  const tool = ask.tool ?? 'get_order'
  const act = { enter: { kind }, list: { kind, tool }, call: { kind, tool, input: ask.input ?? {} } }[kind]
  const chain: PrincipalChain = {
    tenant,
    agent,
    actors: [agent],
    proof: 'attested',
    session: 'ses_1' as SessionId,
    links: [],
    rev: (revisions + 1) as Revision,
    expires: (NOW / 1000 + 60) as EpochSeconds,
    jkt: 'jkt-1',
    ...(ask.user === undefined ? {} : { user: ask.user }),
    ...ask.chain,
  }
  return {
    id: 'dec_1' as DecisionId,
    tenant,
    chain,
    resource: ask.resource ?? 'orders',
    act: act as AccessRequest['act'],
    ...(ask.address === undefined ? {} : { address: ask.address }),
  }
}

const order = (extra: object = {}) => ({
  type: 'object',
  properties: { customer_id: { type: 'string' }, order_id: { type: 'string' }, ...extra },
  required: ['customer_id'],
})

/** The two stories in one world: a customer agent that is a guest in `a` and `b`, and a pipeline at home. */
export const STORIES: World = {
  operator: {
    tenant: [{ agent_attributes: { team: 'String' } }],
    agent: [
      {
        agent: 'support',
        kind: 'customer',
        owner: 'lee@operator.example',
        is: { trust: 'prod', sa: 'support' },
      },
      {
        agent: 'pipeline',
        kind: 'workforce',
        owner: 'dana@operator.example',
        is: { trust: 'prod', sa: 'pipeline' },
        attributes: { team: 'data' },
      },
      {
        agent: 'scanner',
        kind: 'workforce',
        owner: 'sam@operator.example',
        is: { trust: 'prod', sa: 'scanner' },
      },
    ],
    resource: [
      {
        resource: 'warehouse',
        type: 'postgres',
        at: 'postgres://warehouse.internal:5432/analytics',
        labels: ['confidential'],
        alone: true,
        tools: { read: ['orders_daily', 'customers_masked'], write: ['reports'] },
      },
    ],
    condition: [
      { condition: 'business-hours', type: 'test', config: { state: 'holds' } },
      { condition: 'healthy', type: 'test', config: { state: 'holds' } },
    ],
    cedar: `
      @id("pipeline-reads")
      permit (principal == Agent::"pipeline", action in Action::"warehouse/*read", resource == Resource::"warehouse")
      when { context.conditions.containsAll(["business-hours", "healthy"]) };
      @id("scanner-reports")
      permit (principal == Agent::"scanner", action == Action::"facts/report", resource == Resource::"facts");
    `,
  },
  a: tenantOfCustomers([
    { user: 'ana@a.example', idp: 'company', sub: 'ana', attributes: { customer_id: 'c-42' } },
    { user: 'ada@a.example', idp: 'company', sub: 'ada', attributes: { customer_id: 'c-77' } },
    { user: 'new@a.example', idp: 'company', sub: 'new' },
  ]),
  b: tenantOfCustomers([
    { user: 'bo@b.example', idp: 'company', sub: 'bo', attributes: { customer_id: 'c-42' } },
  ]),
}

function tenantOfCustomers(user: readonly object[]): Written {
  return {
    tenant: [{ user_attributes: { customer_id: 'String' } }],
    idp: [{ idp: 'company', issuer: ISSUER }],
    user,
    admission: [{ admission: 'operator/support' }],
    resource: [
      {
        resource: 'orders',
        type: 'mcp',
        at: 'https://orders.internal/mcp',
        data: 'argument',
        labels: ['internal'],
        tools: {
          get_order: { hint: 'read', input: order() },
          cancel_order: { hint: 'write', input: order({ amount: { type: 'integer' } }) },
          audit_order: { hint: 'read', input: order() },
        },
      },
      {
        resource: 'catalogue',
        type: 'mcp',
        at: 'https://orders.internal/catalogue',
        alone: true,
        tools: { list_products: { hint: 'read' } },
      },
    ],
    delegation: [
      {
        delegation: 'support-desk',
        agent: 'operator/support',
        user: '*',
        tools: ['orders/get_order', 'orders/cancel_order', 'catalogue/list_products'],
      },
    ],
    cedar: `
      @id("support-uses-orders")
      permit (principal == Agent::"operator/support", action in Action::"orders/*any", resource == Resource::"orders");
      @id("own-orders")
      permit (principal is User, action == Action::"orders/get_order", resource == Resource::"orders")
      when { context.input.customer_id == principal.customer_id };
      @id("anyone-reads-the-catalogue")
      permit (principal is Agent, action == Action::"catalogue/list_products", resource == Resource::"catalogue");
    `,
  }
}
