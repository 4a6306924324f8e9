import type { TenantName, UserId } from '../ids.ts'
import { type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { type User, userId } from './user.ts'

/** A tenant's users by what they are. `twins` holds the documents of a person who has several, which breaks the tenant. */
export type IdentifiedUsers = {
  readonly users: PersistentMap<UserId, User>
  readonly twins: PersistentMap<UserId, readonly User[]>
}

/** The documents that users are made of. */
type UserDocuments = {
  readonly tenant: { readonly tenant: string }
  readonly usersByName: ReadonlyMap<string, User>
  readonly idps: ReadonlyMap<string, IdentityProvider>
}

export type UserEdit = {
  readonly name: TenantName
  readonly before: UserDocuments & IdentifiedUsers
  readonly after: UserDocuments
  readonly touchedUsers: ReadonlySet<string>
  readonly touchedIdps: ReadonlySet<string>
  readonly own: Own
}

/**
 * A user is (tenant, `iss`, `sub`): two documents for the same person would make the order of writing decide. Only what was touched is
 * looked at again, and, when a provider's issuer changed, its users.
 */
export function identifyUsers(edit: UserEdit): IdentifiedUsers {
  const { before, after, name, own } = edit
  const found = { users: before.users, twins: before.twins }
  const touched = [...touchedBy(edit)]
  for (const user of touched) forget(found, idIn(before, name, user), user, own)
  for (const user of touched) know(found, idIn(after, name, user), after.usersByName.get(user), own)
  return found
}

function touchedBy({ before, after, touchedUsers, touchedIdps }: UserEdit): ReadonlySet<string> {
  const moved = [...touchedIdps].filter((idp) => before.idps.get(idp)?.issuer !== after.idps.get(idp)?.issuer)
  if (moved.length === 0) return touchedUsers
  const touched = new Set(touchedUsers)
  for (const { user, idp } of before.usersByName.values()) if (moved.includes(idp)) touched.add(user)
  return touched
}

/** Nothing for a user who isn't there, or whose identity provider isn't. */
function idIn({ usersByName, idps }: UserDocuments, tenant: TenantName, name: string): UserId | undefined {
  const user = usersByName.get(name)
  const issuer = user && idps.get(user.idp)?.issuer
  return user && issuer !== undefined ? userId(tenant, issuer, user.sub) : undefined
}

type Found = { -readonly [K in keyof IdentifiedUsers]: IdentifiedUsers[K] }

function forget(found: Found, id: UserId | undefined, name: string, own: Own): void {
  if (id === undefined) return
  place(
    found,
    id,
    documentsOf(found, id).filter(({ user }) => user !== name),
    own,
  )
}

function know(found: Found, id: UserId | undefined, user: User | undefined, own: Own): void {
  if (id === undefined || user === undefined) return
  const all = [...documentsOf(found, id), user]
  place(
    found,
    id,
    all.sort((a, b) => (a.user < b.user ? -1 : 1)),
    own,
  )
}

function documentsOf({ users, twins }: Found, id: UserId): readonly User[] {
  const only = users.get(id)
  return twins.get(id) ?? (only ? [only] : [])
}

function place(found: Found, id: UserId, documents: readonly User[], own: Own): void {
  found.users = withEntry(found.users, id, documents[0], own)
  found.twins = withEntry(found.twins, id, documents.length > 1 ? documents : undefined, own)
}
