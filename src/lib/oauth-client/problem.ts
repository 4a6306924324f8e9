import * as oauth from 'oauth4webapi'
import { bad, type Outcome } from '../outcome.ts'
import { Unreachable } from './reach.ts'

const SAYS = {
  'connect.unreachable':
    "The server's authorization server can not be reached, or may not be: its operator must list private places.",
  'connect.metadata': 'The server does not say where its accounts are connected, or says it unusably.',
  'connect.resource':
    "The server's metadata is about another resource than this server, so it is not followed.",
  'connect.issuer':
    'The metadata of the authorization server names another issuer than the one it was fetched for, so it is not followed.',
  'connect.unlisted': 'The server names an authorization server that this connection may not use.',
  'connect.pkce': 'The authorization server does not say that it takes PKCE with S256, so it is not used.',
  'connect.no_registration':
    'We are not registered at the authorization server, and it offers no way that we may use: its operator must register us.',
  'connect.registration': 'The authorization server did not register us.',
  'connect.answer': 'What came back from the authorization server does not belong to this connection.',
  'connect.denied': 'The authorization server did not give access.',
  'connect.token': 'The authorization server gave no token that can be used.',
} as const
export type ConnectReason = keyof typeof SAYS

/** Only what was taken back for good is over; what can't be had now may come again. */
export function problem(reason: ConnectReason, why?: string): ReturnType<typeof bad> {
  const kind = reason === 'connect.unreachable' ? 'stale' : 'denied'
  return bad(kind, reason, SAYS[reason], why === undefined ? {} : { why: word(why) })
}

/** Their own code is a word of OAuth or of ours, or else of no use to anybody. */
function word(why: string): string {
  return /^[\w.-]{1,60}$/.test(why) ? why : 'other'
}

/** What the library threw, or the way to it. */
export function failure(error: unknown, otherwise: ConnectReason): Outcome<never> {
  if (error instanceof Unreachable) return problem('connect.unreachable', error.message)
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError)
    return problem('connect.denied', error.error)
  const code = error instanceof oauth.OperationProcessingError ? error.code : undefined
  return problem(otherwise, code)
}
