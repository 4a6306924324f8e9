import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { Enforcement } from './enforcement.ts'

/**
 * The scope that a refused call would be allowed with, for a client that people sign in through: it can ask its person for more, and they agree anew
 * (MCP 2026-07-28, authorization: step-up). Undefined where that would not help: policy is asked without the scope, so that nobody is sent to agree to
 * what stays forbidden. What was agreed to before is in it: clients ask for exactly what they are told.
 */
export function widerScope(
  { point, engine }: Enforcement,
  decision: Decision,
): readonly string[] | undefined {
  const { request } = decision
  const { chain, act } = request
  if (decision.outcome !== 'deny' || decision.reason !== 'chain.scope' || act.kind !== 'call')
    return undefined
  if (!chain.links.some((each) => each.startsWith('client:'))) return undefined
  const snapshot = point.snapshot()
  const tools = snapshot.tenants.get(request.tenant)?.resources.get(request.resource)?.tools
  const tool = tools?.get(act.tool)
  const whole = engine.decideNow({ ...request, chain: unlimited(chain) }, snapshot, point.now())
  return tool && whole.outcome === 'allow' ? [...(chain.scope ?? []), tool.action] : undefined
}

function unlimited({ scope: _narrowed, ...chain }: PrincipalChain): PrincipalChain {
  return chain
}
