import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Decision } from '../core/policy/decision.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { inTurns } from '../lib/in-turns.ts'
import { type Entity, type Evaluation, isServed, resourceAsked } from './asked-resource.ts'
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
  const { open, right } = await searchable(view, asker.value, search)
  const looked = await look(view, asker.value, open, place)
  const facts = {
    door: 'authzen',
    asked_by: asker.value.access.chain.agent,
    searched: search.target,
    judged: looked.at - place.from,
    found: looked.found.length,
  }
  const recorded = await record(view, asker.value, [{ ...decisionEvent(view, right), facts }])
  if (!recorded.ok) return recorded
  const next = looked.at < sizeOf(open) ? tokenOf({ ...place, from: looked.at }) : ''
  return ok({ found: looked.found, next })
}

type Candidate = { readonly found: Found; readonly asked: Evaluation }
/** Candidates of one resource and action, which one right to search is about; in a stable order as long as nothing changes. */
type Group = { readonly like: Evaluation; readonly size: number; readonly at: (index: number) => Candidate }

function sizeOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { size }) => sum + size, 0)
}

/** What the asker may search among, and that it may. The rest is as if it were not there, also to who counts pages. */
async function searchable(
  view: AuthorityView,
  asker: Asker,
  search: Search,
): Promise<{ readonly open: readonly Group[]; readonly right: Decision }> {
  const open: Group[] = []
  const rightTo = (like: Evaluation) =>
    mayAsk(view, asker, 'search', like, resourceAsked(view.tenant, like.resource))
  let right: Decision | undefined
  await inTurns(groupsOf(view, search), async (group) => {
    const own = await rightTo(group.like)
    if (own.outcome === 'allow') open.push(group)
    if (right?.outcome !== 'allow') right = own
    return true
  })
  return { open, right: right ?? (await rightTo(search.like)) }
}

function groupsOf(view: AuthorityView, { target, like }: Search): readonly Group[] {
  if (target === 'subject') return [subjects(view, like)]
  return target === 'resource' ? resources(view, like) : actions(view, like)
}

function subjects(view: AuthorityView, like: Evaluation): Group {
  const { tenant } = view
  const { type } = like.subject
  const candidate = (id: string): Candidate => ({
    found: { type, id },
    asked: { ...like, subject: { ...like.subject, id } },
  })
  const { usersByName, agents, admissions } = tenant
  const ids = (names: readonly string[], idOf: (name: string) => string): Group => ({
    like,
    size: names.length,
    at: (index) => candidate(idOf(names[index] ?? '')),
  })
  if (type === 'agent')
    return ids([...sortedNames(agents), ...sortedNames(admissions)], (id) => agentEntityId(view, id))
  if (type !== 'user') return ids([], (none) => none)
  return ids(sortedNames(usersByName), (name) => {
    const user = usersByName.get(name)
    return user === undefined ? '' : userEntityId(view, user)
  })
}

const sorted = new WeakMap<ReadonlyMap<string, unknown>, readonly string[]>()

/** Names in the order that every authority has them in, whatever came to it first; sorted once for each version of a map. */
function sortedNames(map: ReadonlyMap<string, unknown>): readonly string[] {
  const names = sorted.get(map) ?? [...map.keys()].sort()
  sorted.set(map, names)
  return names
}

function resources({ tenant }: AuthorityView, like: Evaluation): readonly Group[] {
  const { type } = like.resource
  const group = (ids: readonly string[]): Group => ({
    like: { ...like, resource: { ...like.resource, id: ids[0] ?? '' } },
    size: ids.length,
    at: (index) => {
      const id = ids[index] ?? ''
      return { found: { type, id }, asked: { ...like, resource: { ...like.resource, id } } }
    },
  })
  const known = tenant.resources.get(type)?.resource
  if (!isServed(type)) return known?.type === 'objects' ? [group(Object.keys(known.objects))] : []
  const named = sortedNames(tenant.resources)
  return named
    .filter((name) => tenant.resources.get(name)?.resource.type === type)
    .map((name) => group([name]))
}

function actions({ tenant }: AuthorityView, like: Evaluation): readonly Group[] {
  const { known } = resourceAsked(tenant, like.resource)
  return [...(known?.tools.keys() ?? [])].map((name): Group => {
    const asked = { ...like, action: { ...like.action, name } }
    return { like: asked, size: 1, at: () => ({ found: { name }, asked }) }
  })
}

/** The candidates from a place on, each made into a question when it is its turn. */
function* candidatesFrom(groups: readonly Group[], from: number): Generator<Candidate> {
  let skip = from
  for (const { size, at } of groups) {
    for (let index = skip; index < size; index += 1) yield at(index)
    skip = Math.max(0, skip - size)
  }
}

type Looked = {
  readonly found: readonly Found[]
  /** The first that was not looked at. */
  readonly at: number
}

async function look(
  view: AuthorityView,
  asker: Asker,
  open: readonly Group[],
  { from, limit }: PlaceInSearch,
): Promise<Looked> {
  const found: Found[] = []
  let at = from
  if (limit === 0) return { found, at }
  await inTurns(candidatesFrom(open, from), async (candidate) => {
    const about = resourceAsked(view.tenant, candidate.asked.resource)
    const { decision } = await answerTo(view, asker, candidate.asked, about)
    if (decision?.outcome === 'allow') found.push(candidate.found)
    at += 1
    return found.length < limit && at < from + MOST_JUDGED
  })
  return { found, at }
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
  return `${from}:${limit}:${digest}`
}

function placeIn(token: string): PlaceInSearch | undefined {
  const [, from, limit, digest = ''] = /^(\d{1,9}):(\d{1,4}):([\w-]{43})$/.exec(token) ?? []
  if (from === undefined || Number(limit) > MOST_FOUND) return undefined
  return { from: Number(from), limit: Number(limit), digest }
}
