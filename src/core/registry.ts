import type { z } from 'zod'
import { credentialProviderSchema } from './credential/credential.ts'
import { admissionSchema } from './identity/admission.ts'
import { agentSchema } from './identity/agent.ts'
import { gatewaySchema } from './identity/gateway.ts'
import { groupSchema } from './identity/group.ts'
import { identityProviderSchema } from './identity/identity-provider.ts'
import { tenantSchema } from './identity/tenant.ts'
import { signingKeySchema } from './identity/token-key.ts'
import { trustProviderSchema } from './identity/trust-provider.ts'
import { userSchema } from './identity/user.ts'
import type { Revision, TenantName } from './ids.ts'
import { revocationSchema } from './lifecycle/revocation.ts'
import { conditionSchema, factSchema } from './policy/condition.ts'
import { definitionSchema } from './policy/definition.ts'
import { delegationSchema } from './policy/delegation.ts'
import { policySchema, templateSchema } from './policy/policy.ts'
import { quarantineSchema } from './policy/quarantine.ts'
import { resourceSchema } from './policy/resource.ts'
import { sessionLabelSchema } from './policy/session-label.ts'

/** Every kind of document in the registry, with the schema that is applied each time one crosses a border. */
export const DOCUMENTS = {
  tenant: tenantSchema,
  trust: trustProviderSchema,
  idp: identityProviderSchema,
  agent: agentSchema,
  user: userSchema,
  group: groupSchema,
  admission: admissionSchema,
  gateway: gatewaySchema,
  resource: resourceSchema,
  delegation: delegationSchema,
  credential: credentialProviderSchema,
  condition: conditionSchema,
  template: templateSchema,
  policy: policySchema,
  revocation: revocationSchema,
  fact: factSchema,
  key: signingKeySchema,
  'session-label': sessionLabelSchema,
  quarantine: quarantineSchema,
  definition: definitionSchema,
} as const

export type DocumentKind = keyof typeof DOCUMENTS
export type DocumentOf<K extends DocumentKind> = z.infer<(typeof DOCUMENTS)[K]>

/** Kinds that people declare in files; the others are written by the authority itself. */
export const DECLARED = [
  'tenant',
  'trust',
  'idp',
  'agent',
  'user',
  'group',
  'admission',
  'gateway',
  'resource',
  'delegation',
  'credential',
  'condition',
  'template',
  'policy',
] as const satisfies readonly DocumentKind[]

/** One change to the registry, before it has a revision. `doc: null` removes it. The name is the value under the kind's own key. */
export type ChangeDraft = {
  readonly [K in DocumentKind]: {
    readonly tenant: TenantName
    readonly kind: K
    readonly name: string
    readonly doc: DocumentOf<K> | null
  }
}[DocumentKind]

/** A committed change. Several changes of one transaction share a revision. */
export type Change = ChangeDraft & { readonly revision: Revision }
