import type { z } from 'zod'
import { refuse } from '../core/refusal.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from '../flows/authority.ts'
import type { PresentedToken } from '../flows/verify-access-token.ts'
import type { DoorRequest, DoorResponse, Route } from '../lib/http/route.ts'
import { problemOf } from './problem.ts'

/** What the authority is asked with an access token: by whom, with what proof, from where. */
export type PresentedAsk = { readonly presented: PresentedToken; readonly address: string }

type TenantPost<Body> = {
  /** Last part of `/t/<tenant>/<name>`. */
  readonly name: string
  readonly body: z.ZodType<Body>
  /** What to answer when the body doesn't fit: a reason of docs/errors.md and a sentence. */
  readonly malformed: readonly [reason: string, says: string]
  readonly answer: (view: AuthorityView, ask: PresentedAsk, body: Body) => Promise<DoorResponse>
}

/** A line of the route table for what an agent asks the authority of a tenant with an access token and a JSON body. */
export function tenantPost<Body>(ports: AuthorityPorts, post: TenantPost<Body>): Route {
  const run = async (request: DoorRequest): Promise<DoorResponse> => {
    const view = viewOf(ports, request.params['tenant'] ?? '')
    if (!view) return problemOf(refuse('unknown', 'http.not_found', 'There is nothing at this path.'))
    const body = post.body.safeParse(request.json)
    if (!body.success) return problemOf(refuse('malformed', ...post.malformed))
    const url = `${view.issuer}/${post.name}`
    return post.answer(view, { presented: presentedOf(request, url), address: request.address }, body.data)
  }
  return {
    method: 'POST',
    path: `/t/:tenant/${post.name}`,
    guard: 'agent',
    takes: 'json',
    errors: 'problem',
    run,
  }
}

/** The token and the proof that came with a request; the proof must be for `url`. */
export function presentedOf({ headers, method }: DoorRequest, url: string): PresentedToken {
  return { authorization: headers['authorization'] ?? [], dpop: headers['dpop'] ?? [], method, url }
}
