import type { CedarPolicy } from './cedar/cedar.ts'

/** What the scopes of one side's policies come to. They look at nothing of a request but who asks, the tool and the resource. */
export type Fit = {
  /** Policies whose scope fits and which may cover this caller; every condition they name must have a fresh fact. */
  readonly candidates: readonly CedarPolicy[]
  /** Permits that fit but don't cover an agent that only claims to be what it says. */
  readonly uncovered: readonly string[]
  /** The conditions that the candidates name, each once, sorted. */
  readonly names: readonly string[]
}

/** Of policies whose scope fits: those that count for an agent that is proven, or only `claimed`. */
export function fitOf(fitting: readonly CedarPolicy[], claimed: boolean): Fit {
  if (!claimed) return { candidates: fitting, uncovered: [], names: namesIn(fitting) }
  const candidates = fitting.filter(coversClaimed)
  const uncovered = fitting
    .filter((policy) => !coversClaimed(policy))
    .map(({ id }) => id)
    .sort()
  return { candidates, uncovered, names: namesIn(candidates) }
}

function coversClaimed({ effect, annotations }: CedarPolicy): boolean {
  return effect === 'forbid' || annotations.get('claimed') === 'yes'
}

const NONE: readonly string[] = []

function namesIn(candidates: readonly CedarPolicy[]): readonly string[] {
  const naming = candidates.filter(({ conditions }) => conditions.names.size > 0)
  if (naming.length === 0) return NONE
  return [...new Set(naming.flatMap(({ conditions }) => [...conditions.names]))].sort()
}
