import type { CedarPolicy, CedarRequest, Entities } from './cedar/cedar.ts'
import type { Tool } from './tool.ts'

/** What the scopes of one side's policies come to. They look at nothing of a request but who asks, the tool and the resource. */
export type Fit = {
  /** Policies whose scope fits and which may cover this caller; every condition they name must have a fresh fact. */
  readonly candidates: readonly CedarPolicy[]
  /** Permits that fit but don't cover an agent that only claims to be what it says. */
  readonly uncovered: readonly string[]
  /** The conditions that the candidates name, each once, sorted. */
  readonly names: readonly string[]
}

export function fitOf(
  policies: readonly CedarPolicy[],
  request: CedarRequest,
  entities: Entities,
  claimed: boolean,
): Fit {
  const fitting = policies.filter((policy) => policy.inScope(request, entities))
  const covers = (policy: CedarPolicy) =>
    !claimed || policy.effect === 'forbid' || policy.annotations.get('claimed') === 'yes'
  const uncovered = fitting.filter((policy) => !covers(policy)).map(({ id }) => id)
  const candidates = fitting.filter(covers)
  const names = new Set(candidates.flatMap(({ conditions }) => [...conditions.names]))
  return { candidates, uncovered, names: [...names].sort() }
}

/** What the scopes came to for one principal, by tool. Whoever holds it knows the policies and entities it was made of. */
export type Fits = Map<Tool, Fit>

const MAX_TOOLS = 64

/** The same answer again while the tool is the same object; of many tools not all are kept. */
export function remembered(fits: Fits, tool: Tool, make: () => Fit): Fit {
  const before = fits.get(tool)
  if (before !== undefined) return before
  const made = make()
  if (fits.size >= MAX_TOOLS) fits.clear()
  fits.set(tool, made)
  return made
}
