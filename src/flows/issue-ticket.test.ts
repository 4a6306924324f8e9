import { expect, test } from 'vitest'
import { fakeTicketKeys } from '../../test/fakes/ticket-keys.ts'
import type { EnforcementPoint } from '../core/enforcement.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import { TICKET_DAY } from '../core/ticket-key.ts'
import { epochMillis } from '../core/time.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import { issueTicket, openTicket } from './issue-ticket.ts'

const NOON = 20_000.5 * TICKET_DAY * 1000

/** Two gateways of one tenant differ in nothing that matters here but their clock. */
function gateway(ms = NOON): EnforcementPoint {
  const keys = { ticketKeys: (tenant: string) => fakeTicketKeys(tenant, ms) }
  return { ...keys, now: () => epochMillis(ms) } as unknown as EnforcementPoint
}

function caller(chain: Partial<PrincipalChain> = {}, tenant = 'a', resource = 'orders'): GatewayCaller {
  const whole = { actors: ['a/bot'], user: 'usr_ana', jkt: 'key-1', session: 'ses_1', ...chain }
  return { target: { tenant, resource: { resource } }, access: { chain: whole } } as unknown as GatewayCaller
}

const use = ['session'] as const
const ticket = issueTicket(gateway(), caller(), use, 'behind-7', 3600)

test('any gateway opens it for the same caller, also with a new token in a new session', () => {
  expect(openTicket(gateway(NOON + 1000), caller(), use, ticket)).toEqual({ text: 'behind-7' })
  const later = caller({ session: 'ses_2' as never, expires: 7 as never })
  expect(openTicket(gateway(), later, use, ticket)).toEqual({ text: 'behind-7' })
  expect(ticket).not.toContain(Buffer.from('behind-7').toString('base64url'))
})

test.each<[string, GatewayCaller]>([
  ['agent', caller({ actors: ['a/other' as never] })],
  ['chain', caller({ actors: ['a/first', 'a/bot'] as never })],
  ['user', caller({ user: 'usr_ben' as never })],
  ['key', caller({ jkt: 'key-2' })],
  ['tenant', caller({}, 'b')],
  ['resource', caller({}, 'a', 'catalogue')],
])('is nothing to another %s', (_name, other) => {
  expect(openTicket(gateway(), other, use, ticket)).toBeUndefined()
})

test.each([['task'], ['session', 'more']])('is nothing for the use %s', (...other) => {
  expect(openTicket(gateway(), caller(), other as [string], ticket)).toBeUndefined()
})

test('ends, at the latest when its key does', () => {
  expect(openTicket(gateway(NOON + 3_600_000), caller(), use, ticket)).toBe('expired')
  const long = issueTicket(gateway(), caller(), use, 'x', 10 * TICKET_DAY)
  expect(openTicket(gateway(NOON + TICKET_DAY * 1000), caller(), use, long)).toBe('expired')
  expect(openTicket(gateway(NOON + 2 * TICKET_DAY * 1000), caller(), use, long)).toBeUndefined()
})

test('none is issued without a key', () => {
  const none = { ...gateway(), ticketKeys: () => [] }
  expect(() => issueTicket(none, caller(), use, 'x')).toThrow('no key to seal with')
  expect(openTicket(none, caller(), use, ticket)).toBeUndefined()
})
