import { type User, userId } from '../core/identity/user.ts'
import { type AgentId, parseAgentId, type UserId } from '../core/ids.ts'
import { namedAgent } from '../core/policy/question.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Evaluation } from './asked-resource.ts'
import type { AuthorityView } from './authority.ts'

/** Who would act, and for whom. */
export type Acting = { readonly agent: AgentId; readonly user?: UserId }

/**
 * The user that an enforcement point knows by `sub`, or by `<idp>:<sub>`: a user is (tenant, `iss`, `sub`), so each provider has at most
 * one. A name that could mean two people means nobody.
 */
function userNamed({ tenant, name }: AuthorityView, named: string): UserId | undefined {
  const found = new Set<UserId>()
  for (const { idp, issuer } of tenant.idps.values()) {
    const subs = named.startsWith(`${idp}:`) ? [named, named.slice(idp.length + 1)] : [named]
    for (const sub of subs) {
      const id = userId(name, issuer, sub)
      if (tenant.users.has(id)) found.add(id)
    }
  }
  const [only] = found
  return found.size === 1 ? only : undefined
}

/** What a user is called in answers: `sub` if that tells who, else with its provider's name. */
export function userEntityId(view: AuthorityView, { idp, sub }: User): string {
  return userNamed(view, sub) === undefined ? `${idp}:${sub}` : sub
}

/** What an agent is called in answers: its own name at home, `<home>/<agent>` for a guest. */
export function agentEntityId({ name }: AuthorityView, id: string): string {
  return id.startsWith(`${name}/`) ? id.slice(name.length + 1) : id
}

/**
 * The pair that a question is about. A `user` acts through the agent in `context.agent`, or else through the enforcement point
 * itself, which is an agent too; an `agent` acts for the user in `context.user`, or for nobody. Refuses `evaluation.subject`, alike
 * for who is not there, who is another tenant's, and a name that could mean two.
 */
export function actingIn(
  view: AuthorityView,
  asker: AgentId,
  { subject, context = {} }: Evaluation,
): Result<Acting, Refusal> {
  const byUser = subject.type === 'user'
  if (!byUser && subject.type !== 'agent') return NOBODY
  const agentName = byUser ? context['agent'] : subject.id
  const userName = byUser ? subject.id : context['user']
  const agent = agentName === undefined ? asker : agentNamed(view, agentName)
  if (agent === undefined) return NOBODY
  if (userName === undefined) return ok({ agent })
  const user = typeof userName === 'string' ? userNamed(view, userName) : undefined
  return user === undefined ? NOBODY : ok({ agent, user })
}

/** By its exact name: who is called otherwise tomorrow must not be meant today. */
function agentNamed({ tenant, name }: AuthorityView, named: unknown): AgentId | undefined {
  const id = typeof named === 'string' ? parseAgentId(namedAgent(name, named)) : undefined
  return id !== undefined && (tenant.agents.has(id) || tenant.admissions.has(id)) ? id : undefined
}

const NOBODY = err(refuse('unknown', 'evaluation.subject', 'There is no such subject here.'))
