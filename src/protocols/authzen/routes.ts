import type { Refusal } from '../../core/refusal.ts'
import { refuse } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from '../../flows/authority.ts'
import { type AskerAsk, type Evaluations, evaluateAccess } from '../../flows/evaluate-access.ts'
import { type Search, searchAccess } from '../../flows/search-access.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'
import { presentedOf } from '../tenant-post.ts'
import { decisionsAnswer, searchAnswer } from './answers.ts'
import { configuration, ENDPOINTS } from './metadata.ts'
import { type Asked, readEvaluation, readEvaluations, readSearch } from './questions.ts'

type Answer = (view: AuthorityView, request: DoorRequest) => Promise<DoorResponse>

/** Bytes of a request with many questions. */
const MAX_BYTES = 256 * 1024

/** The OpenID AuthZEN Authorization API 1.0 of each tenant: an enforcement point asks with an access token for `authzen`. */
export function authzenRoutes(ports: AuthorityPorts): readonly Route[] {
  const at = (answer: Answer) => async (request: DoorRequest) => {
    const view = viewOf(ports, request.params['tenant'] ?? '')
    return view ? answer(view, request) : problemOf(NO_TENANT)
  }
  const post = (endpoint: keyof typeof ENDPOINTS, answer: Answer): Route => ({
    method: 'POST',
    path: `/t/:tenant/${ENDPOINTS[endpoint]}`,
    guard: 'agent',
    takes: 'json',
    errors: 'problem',
    givesRequestId: true,
    maxBytes: MAX_BYTES,
    run: at(answer),
  })
  const evaluate =
    (read: (json: unknown) => Asked<Evaluations>) => async (view: AuthorityView, request: DoorRequest) => {
      const { asked, shape } = read(request.json)
      const verdicts = await evaluateAccess(view, askOf(view, request, asked))
      return verdicts.ok ? decisionsAnswer(verdicts.value, shape) : problemOf(verdicts.error)
    }
  const search = (target: Search['target']) => async (view: AuthorityView, request: DoorRequest) => {
    const page = await searchAccess(view, askOf(view, request, readSearch(target, request.json)))
    return page.ok ? searchAnswer(page.value) : problemOf(page.error)
  }
  return [
    {
      method: 'GET',
      path: '/.well-known/authzen-configuration/t/:tenant',
      guard: 'public',
      takes: 'nothing',
      errors: 'problem',
      run: at(async (view) => ({ status: 200, headers: PUBLIC, json: configuration(view) })),
    },
    post('access_evaluation_endpoint', evaluate(readEvaluation)),
    post('access_evaluations_endpoint', evaluate(readEvaluations)),
    post('search_subject_endpoint', search('subject')),
    post('search_resource_endpoint', search('resource')),
    post('search_action_endpoint', search('action')),
  ]
}

/** Seconds that metadata may be kept: as the tenant's keys. */
const PUBLIC = { 'cache-control': 'public, max-age=60' }
const NO_TENANT = refuse('unknown', 'http.not_found', 'There is nothing at this path.')

/** A proof is made for the URL that the metadata names: our origin and the path, never `Host`. */
function askOf<T>(view: AuthorityView, request: DoorRequest, asked: Result<T, Refusal>): AskerAsk<T> {
  const path = request.path.slice(`/t/${view.name}`.length)
  return { presented: presentedOf(request, `${view.issuer}${path}`), address: request.address, asked }
}
