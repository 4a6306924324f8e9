import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Decision } from '../core/policy/decision.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { inTurns } from '../lib/in-turns.ts'
import {
  type AskedResource,
  type Entity,
  type Evaluation,
  isServed,
  resourceAsked,
} from './asked-resource.ts'
import { agentEntityId, userEntityId } from './asked-subject.ts'
import type { AuthorityView } from './authority.ts'
import { type AskerAsk, knownAsker, record } from './evaluate-access.ts'
import { type Asker, answerTo, mayAsk } from './judge-evaluation.ts'
import { decisionEvent } from './record-decision.ts'

/** What is looked for: everything of one kind that would make this question a yes. */
export type Search = {
  readonly target: 'subject' | 'resource' | 'action'
  /** The question with the type of what is looked for, and an empty name in its place. */
  readonly like: Evaluation
  /** At most so many in one page; `MOST_FOUND` at the most, and `FOUND` where none is said. */
  readonly limit?: number
  /** `next_token` of the page before. */
  readonly token?: string
}

type Found = Entity | { readonly name: string }
/** One page. `next` is empty when everything was looked at. */
export type FoundPage = { readonly found: readonly Found[]; readonly next: string }

const FOUND = 100
const MOST_FOUND = 1000
/** Most questions that are judged for one page: where few are permitted, a page ends before it is full. */
const MOST_JUDGED = 1000

/**
 * Lists subjects, resources or actions that are permitted now (AuthZEN Authorization API 1.0 §8), of those that the asker may search
 * among. A list is no decision: it is recorded as one search, and what it says is decided again when it is asked for.
 */
export async function searchAccess(
  view: AuthorityView,
  ask: AskerAsk<Search>,
): Promise<Result<FoundPage, Refusal>> {
  const asker = await knownAsker(view, { ...ask, asked: readPlace(view, ask.asked) })
  if (!asker.ok) return asker
  const { search, place } = asker.value.asked
  const all = candidates(view, search)
  const looked = await look(view, asker.value, all, place)
  const facts = {
    door: 'authzen',
    asked_by: asker.value.access.chain.agent,
    searched: search.target,
    judged: looked.at - place.from,
    found: looked.found.length,
  }
  const right =
    looked.right ??
    mayAsk(view, asker.value, 'search', search.like, resourceAsked(view.tenant, search.like.resource))
  const recorded = await record(view, asker.value, [{ ...decisionEvent(view, right), facts }])
  if (!recorded.ok) return recorded
  const next = looked.at < all.length ? tokenOf({ ...place, from: looked.at }) : ''
  return ok({ found: looked.found, next })
}

type Candidate = { readonly found: Found; readonly asked: Evaluation }

/** Everything that may be the answer, in a stable order as long as nothing changes; made into questions one by one. */
function candidates(view: AuthorityView, { target, like }: Search): readonly (() => Candidate)[] {
  if (target === 'subject') return subjects(view, like)
  return target === 'resource' ? resources(view, like) : actions(view, like)
}

function subjects(view: AuthorityView, like: Evaluation): readonly (() => Candidate)[] {
  const { type } = like.subject
  const candidate = (id: string): Candidate => ({
    found: { type, id },
    asked: { ...like, subject: { ...like.subject, id } },
  })
  const { tenant } = view
  if (type === 'user')
    return [...tenant.users.values()].map((user) => () => candidate(userEntityId(tenant, user)))
  const agents = type === 'agent' ? [...tenant.agents.keys(), ...tenant.admissions.keys()] : []
  return agents.map((id) => () => candidate(agentEntityId(view, id)))
}

function resources({ tenant }: AuthorityView, like: Evaluation): readonly (() => Candidate)[] {
  const { type } = like.resource
  const known = tenant.resources.get(type)?.resource
  const objects = known?.type === 'objects' ? Object.keys(known.objects) : []
  const named = isServed(type)
    ? [...tenant.resources.values()]
        .filter(({ resource }) => resource.type === type)
        .map(({ resource }) => resource.resource)
    : objects
  return named.map((id) => () => ({
    found: { type, id },
    asked: { ...like, resource: { ...like.resource, id } },
  }))
}

function actions({ tenant }: AuthorityView, like: Evaluation): readonly (() => Candidate)[] {
  const { known } = resourceAsked(tenant, like.resource)
  return [...(known?.tools.keys() ?? [])].map((name) => () => ({
    found: { name },
    asked: { ...like, action: { ...like.action, name } },
  }))
}

type Looked = {
  readonly found: readonly Found[]
  /** The first that was not looked at. */
  readonly at: number
  /** The asker's right to search: one that it has, if it has any. */
  readonly right: Decision | undefined
}

async function look(
  view: AuthorityView,
  asker: Asker,
  all: readonly (() => Candidate)[],
  { from, limit }: PlaceInSearch,
): Promise<Looked> {
  const found: Found[] = []
  const rights = new Map<string, Decision>()
  let at = from
  await inTurns(limit > 0 ? all.slice(from, from + MOST_JUDGED) : [], (make) => {
    const candidate = make()
    const about = resourceAsked(view.tenant, candidate.asked.resource)
    if (rightFor(view, asker, candidate.asked, about, rights).outcome === 'allow') {
      if (answerTo(view, asker, candidate.asked, about).decision?.outcome === 'allow')
        found.push(candidate.found)
    }
    at += 1
    return found.length < limit
  })
  const [first] = rights.values()
  return { found, at, right: [...rights.values()].find(({ outcome }) => outcome === 'allow') ?? first }
}

/** The same for each candidate of one resource and action, so it is asked once. */
function rightFor(
  view: AuthorityView,
  asker: Asker,
  asked: Evaluation,
  about: AskedResource,
  rights: Map<string, Decision>,
): Decision {
  const key = JSON.stringify([about.name, asked.action.name])
  const right = rights.get(key) ?? mayAsk(view, asker, 'search', asked, about)
  rights.set(key, right)
  return right
}

/** Where a page begins and how long it may be, and a digest of what is searched: a token counts for the same search only. */
type PlaceInSearch = { readonly from: number; readonly limit: number; readonly digest: string }

function readPlace(
  view: AuthorityView,
  read: Result<Search, Refusal>,
): Result<{ readonly search: Search; readonly place: PlaceInSearch }, Refusal> {
  if (!read.ok) return read
  const search = read.value
  const digest = hash('sha256', `${view.name} ${canonicalize([search.target, search.like])}`, 'base64url')
  const said = search.limit === undefined ? undefined : Math.min(search.limit, MOST_FOUND)
  if (search.token === undefined) return ok({ search, place: { from: 0, limit: said ?? FOUND, digest } })
  const place = placeIn(search.token)
  if (place?.digest !== digest || (said !== undefined && said !== place.limit)) return OTHER_SEARCH
  return ok({ search, place })
}

const OTHER_SEARCH = err(
  refuse(
    'malformed',
    'evaluation.page',
    'The page token is not one of this search; nothing but the token may change.',
  ),
)

/** It says where to go on and nothing that isn't the asker's to know: whoever makes one up looks at the same, in another order. */
function tokenOf({ from, limit, digest }: PlaceInSearch): string {
  return Buffer.from(`${from} ${limit} ${digest}`).toString('base64url')
}

function placeIn(token: string): PlaceInSearch | undefined {
  const [, from, limit, digest = ''] =
    /^(\d{1,9}) (\d{1,4}) ([\w-]{43})$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (from === undefined || Number(limit) > MOST_FOUND) return undefined
  return { from: Number(from), limit: Number(limit), digest }
}
