/** Baseline of `decide.*`: cedar-wasm itself, its policies parsed before, asked for the agent and for the user, over only what each question needs. */
import {
  type AuthorizationCall,
  preparsePolicySet,
  type StatefulAuthorizationCall,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'

export type Ask = Pick<AuthorizationCall, 'action' | 'resource' | 'context' | 'entities'> & {
  readonly agent: AuthorizationCall['principal']
  readonly user: AuthorizationCall['principal']
}

export function engineOf(policies: Record<string, string>): (ask: Ask) => boolean {
  const parsed = preparsePolicySet('bench', { staticPolicies: policies })
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors))
  const allows = (call: StatefulAuthorizationCall) => {
    const answer = statefulIsAuthorized(call)
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors))
    return answer.response.decision === 'allow' && answer.response.diagnostics.errors.length === 0
  }
  return ({ agent, user, ...same }) =>
    [agent, user].every((principal) => allows({ ...same, principal, preparsedPolicySetId: 'bench' }))
}
