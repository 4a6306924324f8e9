import { MOST_SEEN, type SeenDefinitions } from '../core/enforcement.ts'
import { canonicalDefinition, changed, hasDefinition } from '../core/policy/definition.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { createLru, type Lru } from '../lib/lru.ts'
import type { JsonObject } from '../lib/strict-json.ts'
import type { Target } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import type { Looked } from './look-behind.ts'

/** Asks the server behind for all its tools. */
type Asking = () => Promise<Looked>

/** `untold`: the authority, which alone can accept one, was not reached. */
type State = 'good' | 'waiting' | 'untold'
type Found = { readonly states: ReadonlyMap<string, State> } | { readonly failed: string }

/** What a gateway remembers of having looked at servers behind. Nothing of it decides: what counts is in the snapshot. */
export type DefinitionLooks = {
  /** Looks that are on their way, by resource, so that a burst of calls asks once. */
  readonly looking: Map<string, Promise<Found>>
  /** When a resource was last looked at, in milliseconds of this process. */
  readonly looked: Lru<string, number>
  /** When something was last told in vain, so that a server that says something else each time costs the authority little. */
  readonly told: Lru<string, number>
  /** Milliseconds after which a call has the server behind looked at again. */
  readonly againMs: number
}

export function createDefinitionLooks(againMs = 60_000): DefinitionLooks {
  return { looking: new Map(), looked: createLru(10_000), told: createLru(10_000), againMs }
}

/** Milliseconds until what was told in vain is told again. */
const TELL_AGAIN_MS = 10_000

/**
 * Of what a server behind listed, what may be shown: tools whose definition is the one that counts. What is new is told to the authority
 * first, and shown only by its answer; without the authority nothing new is. Which of them the caller may see is not judged here.
 */
export async function pinnedTools(
  enforcement: Enforcement,
  target: Target,
  listed: readonly JsonObject[],
): Promise<readonly JsonObject[]> {
  const states = await statesOf(enforcement, target, listed)
  return listed.filter((_definition, at) => states[at] === 'good')
}

type Read = { readonly tool: string; readonly definition: JsonObject; readonly sha256: string }

/** Of each that was listed whether it counts; nothing of one that isn't declared here or is too long to be kept. */
async function statesOf(
  enforcement: Enforcement,
  target: Target,
  listed: readonly JsonObject[],
): Promise<readonly (State | undefined)[]> {
  const { resource } = target.resource
  const view = enforcement.point.snapshot().tenants.get(target.tenant)
  const tools = view?.resources.get(resource)?.tools
  const read = listed.map((definition): Read | undefined => {
    const tool = String(definition['name'])
    const seen = tools?.has(tool) ? canonicalDefinition(definition) : undefined
    return seen && { tool, definition, sha256: seen.sha256 }
  })
  const known = (each: Read): State | undefined => {
    const { accepted, waiting } = view?.definitions.get(`${resource}/${each.tool}`) ?? {}
    if (waiting?.sha256 === each.sha256) return 'waiting'
    if (accepted?.sha256 !== each.sha256) return undefined
    return waiting ? 'waiting' : 'good'
  }
  const news = read.flatMap((each) => (each && known(each) === undefined ? [each] : []))
  const counts = news.length > 0 ? await tellAll(enforcement, target, news) : NOTHING_NEW
  return read.map((each) => {
    if (each === undefined) return undefined
    // Once something new was heard of a tool, also what counted before is looked at by the authority's word alone.
    if (!counts.has(each.tool)) return known(each)
    const verdict = counts.get(each.tool)
    if (verdict === UNTOLD) return 'untold'
    return verdict === each.sha256 ? 'good' : 'waiting'
  })
}

const UNTOLD = Symbol('untold')
type Counts = ReadonlyMap<string, string | undefined | typeof UNTOLD>
const NOTHING_NEW: Counts = new Map()

/** The hash that counts of each tool that something new was heard of. */
async function tellAll(enforcement: Enforcement, target: Target, news: readonly Read[]): Promise<Counts> {
  const { told } = enforcement.definitions
  const now = performance.now()
  const keyOf = ({ tool, sha256 }: Read) => [target.tenant, target.resource.resource, tool, sha256].join(' ')
  const isFresh = (each: Read) => now - (told.get(keyOf(each)) ?? -Infinity) >= TELL_AGAIN_MS
  const fresh = news.filter(isFresh)
  const counts = new Map<string, string | undefined | typeof UNTOLD>()
  for (const { tool } of news) counts.set(tool, undefined)
  for (const { tool } of fresh) counts.set(tool, UNTOLD)
  for (let at = 0; at < fresh.length; at += MOST_SEEN) {
    const part = fresh.slice(at, at + MOST_SEEN)
    for (const { tool, sha256 } of await tell(enforcement, target, part)) counts.set(tool, sha256)
    for (const each of part) if (counts.get(each.tool) === undefined) told.set(keyOf(each), now)
  }
  return counts
}

async function tell({ point }: Enforcement, { tenant, resource }: Target, news: readonly Read[]) {
  const seen = news.map(({ tool, definition }) => ({ tool, definition }))
  const report: SeenDefinitions = { tenant, resource: resource.resource, seen }
  try {
    const verdicts = await point.definitions(report)
    return verdicts.ok ? verdicts.value.tools : []
  } catch (fault) {
    // Not told, so not shown. The caller is not refused for it: what was accepted before still is.
    if (fault instanceof Unavailable) return []
    throw fault
  }
}

/** Whether nothing need be looked at: something was accepted, and that it still counts is decided with the call; or it is no tool. */
export function isPinned({ point }: Enforcement, { tenant, resource }: Target, tool: string): boolean {
  if (!hasDefinition(tool)) return true
  const { definitions } = point.snapshot().tenants.get(tenant) ?? {}
  return definitions?.get(`${resource.resource}/${tool}`)?.accepted !== undefined
}

/**
 * Why an allowed call of a tool of which nothing is known may not be forwarded, once the server behind was looked at. `failed`: the server
 * itself, as it would have failed the call (`upstream.*`).
 */
export async function notPinned(
  enforcement: Enforcement,
  target: Target,
  tool: string,
  look: Asking,
): Promise<Refusal | { readonly failed: string } | undefined> {
  const action = `${target.resource.resource}/${tool}`
  const pending = enforcement.definitions.looking.get(keyOf(target))
  const shared = pending && (await pending.catch(() => undefined))
  // Another caller's look may have failed for reasons of its own.
  const found = shared && 'states' in shared ? shared : await lookNow(enforcement, target, look)
  if ('failed' in found) return found.failed.startsWith('upstream.') ? found : unseen(action, found.failed)
  const state = found.states.get(tool)
  if (state === 'good') return undefined
  if (state === 'waiting') return changed(action)
  return unseen(action, state === 'untold' ? 'authority.unreachable' : 'definition.unlisted')
}

/**
 * Has the server behind looked at once more, beside a call, if that was long ago: what it finds counts from the next call on, everywhere.
 * Nobody waits for it; if it fails the next call after a while looks again.
 */
export function lookAgain(enforcement: Enforcement, target: Target, look: Asking): void {
  const { looked, looking, againMs } = enforcement.definitions
  const key = keyOf(target)
  const last = looked.get(key)
  // Others have looked, or it would not be known; from here on this process does.
  if (last === undefined) looked.set(key, performance.now())
  if (last === undefined || looking.has(key) || performance.now() - last < againMs) return
  lookNow(enforcement, target, look).catch(() => undefined)
}

function keyOf({ tenant, resource }: Target): string {
  return `${tenant} ${resource.resource}`
}

async function lookNow(enforcement: Enforcement, target: Target, look: Asking): Promise<Found> {
  const { looking, looked } = enforcement.definitions
  const key = keyOf(target)
  const finding = find(enforcement, target, look)
  looking.set(key, finding)
  looked.set(key, performance.now())
  try {
    return await finding
  } finally {
    if (looking.get(key) === finding) looking.delete(key)
  }
}

async function find(enforcement: Enforcement, target: Target, look: Asking): Promise<Found> {
  const looked = await look()
  if ('failed' in looked) return looked
  const states = await statesOf(enforcement, target, looked.listed)
  const found = new Map<string, State>()
  for (const [at, { name }] of looked.listed.entries()) {
    const [tool, state] = [String(name), states[at]]
    // Listed twice, it must be good both times.
    if (state && (found.get(tool) ?? 'good') === 'good') found.set(tool, state)
  }
  return { states: found }
}

function unseen(action: string, why: string): Refusal {
  const says = `The server behind could not be asked what \`${action}\` is, or does not list it, so it is not used.`
  return refuse('denied', 'definition.unseen', says, { tool: action, why })
}
