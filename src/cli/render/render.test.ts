import { describe, expect, it } from 'vitest'
import type { AuditLine } from '../../sdk/admin-contract.ts'
import { paintOf } from '../io.ts'
import { renderEvents, renderVerified, renderWhole } from './audit.ts'
import { renderChanges } from './changes.ts'
import { renderFindings, renderProblems } from './problems.ts'
import { renderRevocation } from './revocation.ts'
import { renderGateways, renderRoots, renderTenants } from './status.ts'
import { duration } from './table.ts'

const plain = paintOf({ colours: false, env: {} })
const coloured = paintOf({ colours: true, env: {} })

describe('a problem', () => {
  const problem = {
    path: 'acme/policies/orders.cedar',
    line: 7,
    column: 47,
    code: 'policy.invalid',
    says: 'attribute `custmer_id` on entity type `User` not found',
    snippet: 'when { context.input.customer_id == principal.custmer_id };',
    length: 10,
    hint: 'did you mean `customer_id`?',
  }
  it('shows its place, its line, and carets with the hint', () => {
    expect(renderProblems([problem], plain).join('\n')).toBe(
      [
        'acme/policies/orders.cedar:7:47  attribute `custmer_id` on entity type `User` not found',
        '        when { context.input.customer_id == principal.custmer_id };',
        '                                                      ^^^^^^^^^^ did you mean `customer_id`?',
      ].join('\n'),
    )
  })
  it('marks the word at its column where no length is known, wherever the line starts', () => {
    const { length: _length, hint: _hint, ...rest } = problem
    const yaml = { ...rest, path: 'a.yaml', line: 2, column: 5, snippet: '    ownr: dana@acme.example' }
    expect(renderProblems([yaml], plain).slice(1)).toEqual([
      '        ownr: dana@acme.example',
      '        ^^^^',
    ])
  })
  it('without a line is told all the same', () => {
    const { snippet: _snippet, ...rest } = problem
    expect(renderProblems([rest], plain)[1]).toBe('        did you mean `customer_id`?')
  })
})

it('a finding ends with the commands that mend it', () => {
  const remedy = ['REVOKE ALL ON public.orders FROM PUBLIC;']
  const finding = {
    tenant: 'acme',
    resource: 'warehouse',
    code: 'x',
    says: 'PUBLIC may use public.orders',
    remedy,
  }
  expect(renderFindings([finding], plain)).toEqual([
    'acme/warehouse  PUBLIC may use public.orders',
    '        REVOKE ALL ON public.orders FROM PUBLIC;',
  ])
})

describe('changes', () => {
  const lines = [
    { tenant: 'acme', kind: 'tenant', name: 'acme', how: 'add', keys: [] },
    { tenant: 'acme', kind: 'resource', name: 'warehouse', how: 'change', keys: ['at', 'labels'] },
    { tenant: 'acme', kind: 'policy', name: 'old', how: 'remove', keys: [] },
  ] as const
  it('are a line each, aligned, then what became of them', () => {
    expect(renderChanges('apply', { revision: 12, lines }, plain)).toEqual([
      '+ tenant    acme',
      '~ resource  acme/warehouse  at, labels',
      '- policy    acme/old',
      '1 added, 1 changed, 1 removed. Applied at revision 12.',
    ])
    expect(renderChanges('plan', { revision: 12, lines }, plain).at(-1)).toBe(
      '1 added, 1 changed, 1 removed. Nothing was changed yet; apply does it.',
    )
  })
  it('that are none say so', () => {
    expect(renderChanges('apply', { revision: 12, lines: [] }, plain)).toEqual([
      'Nothing to change: the registry is as declared, at revision 12.',
    ])
    expect(renderChanges('check', { revision: 12, lines }, plain)).toEqual([
      'The configuration can be used. Applying it would make 3 changes.',
    ])
  })
  it('are coloured, and never by colour alone', () => {
    expect(renderChanges('apply', { revision: 1, lines }, coloured)[0]).toBe(
      '\u001b[32m+ tenant    acme\u001b[39m',
    )
    expect(paintOf({ colours: true, env: { NO_COLOR: '1' } }).red('x')).toBe('x')
  })
})

describe('a revocation', () => {
  const report = {
    link: 'agent:operator/support',
    revision: 8127,
    ms: 14.2,
    gateways: [
      { gateway: 'edge', instance: 'gw-1', ms: 6 },
      { gateway: 'edge', instance: 'gw-2', ms: 9 },
    ],
    sessions: 41,
    leases: { ended: ['lea_1', 'lea_2'], failed: [] },
  }
  it('says what stopped, where, and in how long', () => {
    expect(renderRevocation(report, 'support', plain)).toEqual([
      'support stopped at revision 8127, in 14 ms',
      '  gateways   2 of 2 acknowledged   (gw-1 6 ms, gw-2 9 ms)',
      '  ended      41 sessions · 2 leases',
    ])
  })
  it('says what is not done yet', () => {
    const failed = [{ lease: 'lea_9', resource: 'warehouse', reason: 'database.unreachable' }]
    const late = {
      ...report,
      gateways: [{ gateway: 'edge', instance: 'gw-1' }],
      leases: { ended: [], failed },
    }
    expect(renderRevocation(late, 'support', plain).slice(1)).toEqual([
      '  gateways   0 of 1 acknowledged   (gw-1 not yet)',
      '  ended      41 sessions · 0 leases',
      '  retrying   lease lea_9 at warehouse: database.unreachable',
    ])
  })
})

describe('the audit', () => {
  const at = Date.UTC(2026, 10, 24, 9, 14, 2, 113)
  const allow: AuditLine = {
    index: 1,
    id: 'evt_1',
    at,
    kind: 'decision',
    outcome: 'allow',
    reason: 'allowed',
    tenant: 'a',
    decision: 'dec_8kq2',
    agent: 'a/support',
    user: 'ana@a.example',
    resource: 'orders',
    tool: 'get_order',
    input: '{"customer_id":"c-42"}',
    policies: ['customers-see-their-own-orders'],
    ms: 4.2,
  }
  const deny: AuditLine = {
    ...allow,
    at: at + 5367,
    outcome: 'deny',
    reason: 'user.no_permit',
    agent: 'operator/support',
    decision: 'dec_8kq9',
    policies: [],
  }
  const { ms: _ms, ...denied } = deny
  const admin: AuditLine = {
    index: 3,
    id: 'evt_3',
    at: at + 86_400_000,
    kind: 'admin',
    outcome: 'done',
    reason: 'configuration.applied',
    tenant: 'a',
    user: 'local',
    facts: { added: 9, changed: 0 },
  }
  it('reads as a person would tell it', () => {
    expect(renderEvents({ events: [allow, denied, admin], treeSize: 48_211 }, plain)).toEqual([
      '2026-11-24 UTC',
      '09:14:02.113  allow  support ⟶ for ana@a.example           orders/get_order {customer_id}  customers-see-their-own-orders  4 ms  dec_8kq2',
      '09:14:07.480  deny   operator/support ⟶ for ana@a.example  orders/get_order {customer_id}  user.no_permit                        dec_8kq9',
      '2026-11-25 UTC',
      '09:14:02.113  admin  by local                              added 9 · changed 0             configuration.applied',
      '3 events of 48,211 in the log',
    ])
  })
  it('shows an event whole, values and all', () => {
    expect(renderWhole([denied], plain).join('\n')).toContain('input     {"customer_id":"c-42"}')
    expect(renderWhole([denied], plain)[0]).toBe('decision deny  2026-11-24T09:14:07.480Z  event 1')
  })
  it('says what was verified', () => {
    const report = {
      tenant: 'a',
      origin: 'acme.example/log/t/a',
      from: 0,
      to: 3,
      events: 3,
      openings: 1,
      treeSize: 48_211,
      root: 'abc=',
      signedBy: ['acme-log-2026'],
      whole: true,
      complete: true,
      continues: 12,
    }
    expect(renderVerified(report, plain)[0]).toBe(
      'verified: 3 events, tree size 48,211, checkpoint signed by acme-log-2026, continues the checkpoint of 12',
    )
  })
})

it('tables line up, and what is empty says what to do', () => {
  const tenant = {
    tenant: 'acme',
    display: 'Acme',
    state: 'active',
    agents: 2,
    guests: 1,
    users: 30,
    resources: 4,
    policies: 7,
  } as const
  expect(renderTenants([tenant], 9)).toEqual([
    'tenant  state   agents  guests  users  resources  policies',
    'acme    active  2       1       30     4          7         Acme',
    'revision 9',
  ])
  expect(renderTenants([], 0)[0]).toContain('apply -f')
  const gateway = { gateway: 'edge', instance: 'gw-1', key: 'k1', revision: 8, ms: 6, connectedMs: 61_000 }
  expect(renderGateways([gateway], 9)[1]).toBe(
    'edge     gw-1      8         1       6 ms             1 min          k1',
  )
  expect(renderRoots([{ root: 'r', what: 'w', where: '/k' }])).toEqual([
    'root  what it does  where',
    'r     w             /k',
  ])
})

it.each([
  [14.2, '14 ms'],
  [2345, '2.3 s'],
  [240_000, '4 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('%d ms is told as %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})
