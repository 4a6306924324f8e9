import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import type { DecisionId, SessionId } from '../core/ids.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Tool } from '../core/policy/tool.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { AuthorityView } from './authority.ts'
import type { AgentCaller } from './caller.ts'
import type { Subject } from './verify-subject.ts'

/** Whose access is looked at, before there is a session or a token. */
export type Preview = {
  readonly caller: AgentCaller
  readonly subject: Pick<Subject, 'user' | 'links' | 'login' | 'actors'>
  /** URI of the resource. */
  readonly resource: string
  readonly scope?: readonly string[]
}

/**
 * The tools that this agent could use for this person at a resource: those that are not certainly refused now. Nothing is given by
 * it, so nothing is recorded: the same is decided again, and recorded, when a token is asked for. None at all is the refusal.
 */
export async function previewAccess(
  view: AuthorityView,
  preview: Preview,
): Promise<Result<readonly Tool[], Refusal>> {
  const name = preview.resource.slice(preview.resource.lastIndexOf('/') + 1)
  const request: AccessRequest = {
    id: view.ports.newId('decision') as DecisionId,
    tenant: view.name,
    chain: chainOf(view, preview),
    resource: name,
    act: { kind: 'enter' },
  }
  const enter = await view.ports.decide(request, view.snapshot, view.at)
  if (enter.outcome !== 'allow') return err(enter.refusal)
  const tools = [...(view.tenant.resources.get(name)?.tools.values() ?? [])]
  const open: Tool[] = []
  for (const tool of tools) {
    if (preview.scope && !preview.scope.includes(tool.action)) continue
    const act = { kind: 'list', tool: tool.name } as const
    const listed = await view.ports.decide({ ...request, act }, view.snapshot, view.at)
    if (listed.outcome !== 'deny') open.push(tool)
  }
  return open.length > 0 ? ok(open) : err(NONE)
}

const NONE = refuse('denied', 'scope.none_permitted', 'None of the tools asked for is permitted.')

function chainOf(view: AuthorityView, { caller, subject }: Preview): PrincipalChain {
  const { id } = caller.workload
  return {
    tenant: view.name,
    agent: id,
    actors: [id],
    proof: caller.proof,
    session: view.ports.newId('session') as SessionId,
    links: [...caller.links, ...subject.links],
    rev: caller.rev,
    expires: caller.expires,
    ...(subject.user === undefined ? {} : { user: subject.user.id }),
  }
}
