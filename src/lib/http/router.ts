import { decodePercent } from './parameters.ts'
import type { Cors, Route } from './route.ts'

/** What the table says about one method and path. */
export type Match =
  | { readonly found: 'route'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | {
      readonly found: 'other-methods'
      readonly allow: string
      readonly errors: Route['errors']
      /** What scripts of other sites may call here, and by which methods. */
      readonly cors?: { readonly of: Cors; readonly methods: string }
    }
  | { readonly found: 'nothing' }
  | { readonly found: 'malformed'; readonly errors: Route['errors'] }

export type Router = (method: string, path: string) => Match

/** A place in the tree of path segments: fixed words first, then one parameter; `here` are the routes that end at it. */
type Place = {
  readonly fixed: Map<string, Place>
  named: Place | undefined
  readonly here: Map<string, { readonly route: Route; readonly names: readonly string[] }>
}

const newPlace = (): Place => ({ fixed: new Map(), named: undefined, here: new Map() })
const NOTHING: Match = { found: 'nothing' }
const PATH = /^(?:\/[A-Za-z0-9._~:-]+)+$/
/** RFC 3986 §2.3: an escaped unreserved character is a second spelling of the same path. */
const NEEDLESS = /%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])/

/** Builds the tree. Throws at start when two routes are the same, or a path is not one. */
export function compileRoutes(routes: readonly Route[]): Router {
  const root = newPlace()
  for (const route of routes) plant(root, route)
  return (method, path) => {
    const segments = path.split('/')
    const values: string[] = []
    const place = find(root, segments, 1, values)
    return place === undefined ? NOTHING : answer(place, method, values)
  }
}

function plant(root: Place, route: Route): void {
  if (!PATH.test(route.path)) throw new TypeError(`not a route path: ${route.path}`)
  let place = root
  const names: string[] = []
  for (const segment of route.path.split('/').slice(1)) {
    if (segment.startsWith(':')) {
      names.push(segment.slice(1))
      place.named ??= newPlace()
      place = place.named
    } else {
      const next = place.fixed.get(segment) ?? newPlace()
      place.fixed.set(segment, next)
      place = next
    }
  }
  if (place.here.has(route.method)) throw new TypeError(`two routes are ${route.method} ${route.path}`)
  place.here.set(route.method, { route, names })
}

function find(place: Place, segments: readonly string[], at: number, values: string[]): Place | undefined {
  const segment = segments[at]
  if (segment === undefined) return place.here.size > 0 ? place : undefined
  const fixed = place.fixed.get(segment)
  const found = fixed && find(fixed, segments, at + 1, values)
  if (found || !place.named || segment === '') return found
  values.push(segment)
  const named = find(place.named, segments, at + 1, values)
  if (!named) values.pop()
  return named
}

function answer(place: Place, method: string, values: readonly string[]): Match {
  const line = place.here.get(method)
  if (!line) return otherMethods(place)
  const params: Record<string, string> = Object.create(null)
  for (const [at, name] of line.names.entries()) {
    const value = segmentValue(values[at] ?? '')
    if (value === undefined) return { found: 'malformed', errors: line.route.errors }
    params[name] = value
  }
  return { found: 'route', route: line.route, params }
}

function segmentValue(segment: string): string | undefined {
  if (segment === '.' || segment === '..' || NEEDLESS.test(segment)) return undefined
  const value = segment.includes('%') ? decodePercent(segment) : segment
  return value?.includes('\0') ? undefined : value
}

function otherMethods(place: Place): Match {
  const [first] = place.here.values()
  const open = [...place.here.values()].filter(({ route }) => route.cors !== undefined)
  const cors = open[0]?.route.cors
  return {
    ...(cors && { cors: { of: cors, methods: open.map(({ route }) => route.method).join(', ') } }),
    found: 'other-methods',
    allow: [...place.here.keys()].join(', '),
    errors: first?.route.errors ?? 'problem',
  }
}
