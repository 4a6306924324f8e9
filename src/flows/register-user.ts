import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import type { Attributes, AttributeType } from '../core/identity/name.ts'
import { type User, userId } from '../core/identity/user.ts'
import type { Claims } from '../lib/jose/jwt.ts'
import { type AuthorityView, viewOf } from './authority.ts'

const MAX_NAME = 200

/**
 * A user of a provider whose users need not be listed becomes an entry of the registry at the first token, so that every gateway
 * knows the same person with the same attributes. Answers the view that has it.
 */
export async function registerUser(
  view: AuthorityView,
  idp: IdentityProvider,
  claims: Claims,
): Promise<AuthorityView> {
  const { sub = '' } = claims
  // `:` stands in no name of a provider, so two providers' users can't be written as one.
  const readable = `${idp.idp}:${sub}`
  // Cut short, two people could get one name.
  const user = readable.length <= MAX_NAME ? readable : `${idp.idp}:${userId(view.name, idp.issuer, sub)}`
  const attributes = attributesOf(view, idp, claims)
  const doc: User = {
    user,
    idp: idp.idp,
    sub,
    state: 'active',
    attributes,
    groups: [],
    registered: true,
  }
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'admin',
        outcome: 'done',
        reason: 'user.registered',
        personal: { user },
        facts: { idp: idp.idp },
      },
    ],
    changes: [{ tenant: view.name, kind: 'user', name: user, doc }],
  })
  await view.ports.refresh()
  return viewOf(view.ports, view.name) ?? view
}

/** The attributes that the tenant declared, read from the claims the provider's settings name; what is of another type is left out. */
function attributesOf(view: AuthorityView, idp: IdentityProvider, claims: Claims): Attributes {
  const found: Record<string, Attributes[string]> = {}
  for (const [attribute, claim] of Object.entries(idp.attributes)) {
    const type = view.tenant.tenant.user_attributes[attribute]
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (type !== undefined && isOf(type, value)) found[attribute] = value
  }
  return found
}

const TYPES: Readonly<Record<AttributeType, (value: unknown) => boolean>> = {
  String: (value) => typeof value === 'string' && value.length <= 1024,
  Long: (value) => Number.isSafeInteger(value),
  Bool: (value) => typeof value === 'boolean',
  'Set<String>': (value) =>
    Array.isArray(value) && value.length <= 256 && value.every((each) => TYPES.String(each)),
}

function isOf(type: AttributeType, value: unknown): value is Attributes[string] {
  return TYPES[type](value)
}
