import type { Target } from '../../flows/authenticate-at-gateway.ts'
import { DPOP_ALGORITHMS } from '../../lib/jose/dpop.ts'

/**
 * Protected resource metadata (RFC 9728 §2): that tenant's issuer, and no other. No scopes are listed: a token is not wider without
 * one, and the names of tools are for those who may see them.
 */
export function resourceMetadata({ uri, issuer, resource }: Target): Readonly<Record<string, unknown>> {
  return {
    resource: uri,
    resource_name: resource.resource,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    scopes_supported: [],
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
  }
}
