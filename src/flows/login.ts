import { hash } from 'node:crypto'
import type { UserId } from '../core/ids.ts'
import { type Link, link } from '../core/lifecycle/revocation.ts'
import { factName } from '../core/policy/facts-resource.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'

/**
 * A sign-in at an identity provider, as links that a logout can end. With a `sid` it is that session; without one it is told apart
 * by user and time. Digests, since these names travel in tokens.
 */
export type Login = {
  readonly idp: string
  readonly user: UserId
  readonly sid?: string
  readonly at: number
}

/** Every sign-in of a user at one provider: what a logout by `sub` alone ends. */
export function userLogins(idp: string, user: UserId): Link {
  return link('login', `${idp}/user/${user}`)
}

/** The sign-ins of a user that state no `sid`: a logout that names both ends these too, as nothing tells them apart. */
export function unnamedLogins(idp: string, user: UserId): Link {
  return link('login', `${idp}/unnamed/${user}`)
}

export function sidLogin(idp: string, sid: string): Link {
  return link('login', `${idp}/sid/${hash('sha256', JSON.stringify([idp, sid]), 'base64url').slice(0, 22)}`)
}

export function loginLinks(login: Login): readonly Link[] {
  const { idp, user, sid, at } = login
  if (sid !== undefined) return [sidLogin(idp, sid), userLogins(idp, user)]
  return [link('login', `${idp}/at/${user}/${at}`), unnamedLogins(idp, user), userLogins(idp, user)]
}

/** `source` of the fact that keeps when a link's logins ended: tokens of sign-ins from before it are refused, whenever they are shown. */
export const LOGOUT = 'back-channel-logout'

/** Whether this sign-in, with its `loginLinks`, was over by the provider's own clock, although its tokens have not ended yet. */
export function loggedOut(tenant: TenantSnapshot, { at }: Login, links: readonly Link[]): boolean {
  return links.some((each) => {
    const fact = tenant.facts.get(factName(each, LOGOUT))
    return fact !== undefined && at * 1000 <= fact.at
  })
}
