/**
 * `concurrent`: how many have their turn at once while one key alone asks; when several do, they share half of it, so that a turn of one
 * never stands behind all of another's. `queue`: how many of one key wait for a turn; further ones are refused. `waitMs`: how long at most.
 */
export type ShareLimits = { readonly concurrent: number; readonly queue: number; readonly waitMs: number }

/** Ends the turn; called again it does nothing. */
export type Turn = { readonly done: () => void }
/** Whole seconds after which there is likely to be room. */
export type NoTurn = { readonly retryAfter: number }

/** Turns at work that costs, shared fairly between keys: what one key asks for delays only its own. */
export type FairShare = {
  /** Told before any work is done for it: whether `take` would refuse this key now. Counts as refused when it would. */
  readonly refusal: (key: string) => NoTurn | undefined
  /** Resolves when it is this one's turn, in order for each key. `gone` says whether whoever asked has left. */
  readonly take: (key: string, gone: () => boolean) => Promise<Turn | NoTurn>
  /** How many were refused since this was last asked, by key. */
  readonly refused: () => ReadonlyMap<string, number>
  readonly close: () => void
}

type Waiting = {
  readonly since: number
  readonly gone: () => boolean
  readonly answer: (turn: Turn | NoTurn) => void
}
/**
 * `begun` counts turns that began in this turn of the event loop, `ended` those that ended in this second, `pace` those of the second
 * before.
 */
type Lane = {
  running: number
  begun: number
  readonly waiting: Waiting[]
  lastAsked: number
  ended: number
  pace: number
}

/** How long a key that asked counts among those who share. Long enough that a steady caller of a few a second stays one of them. */
const COUNTED_MS = 2_000
const SWEEP_MS = 250
const PACE_MS = 1_000
/** Nobody gets less, however many share. */
const LEAST = 2
/**
 * How many turns of one key begin before the event loop goes round: what is short enough never to be at work beside another would
 * otherwise be done for all who ask before anybody else is even heard.
 */
const BEGUN_ALONE = 16
const BEGUN_SHARED = 4
const LONGEST_RETRY = 60

type State = {
  readonly limits: ShareLimits
  readonly monotonic: () => number
  readonly lanes: Map<string, Lane>
  /** Those in which turns began in this turn of the event loop. */
  readonly begun: Set<Lane>
  readonly refused: Map<string, number>
  pacedAt: number
}

/** `monotonic` in ms. There must be a bound on the number of keys: each costs memory while it is counted. */
export function createFairShare(limits: ShareLimits, monotonic: () => number): FairShare {
  const [lanes, begun, refused] = [new Map<string, Lane>(), new Set<Lane>(), new Map<string, number>()]
  const state: State = { limits, monotonic, lanes, begun, refused, pacedAt: monotonic() }
  const sweeping = setInterval(() => sweep(state), SWEEP_MS)
  sweeping.unref()
  return {
    refusal: (key) => {
      const lane = laneOf(state, key)
      return lane.waiting.length < limits.queue ? undefined : refuse(state, key, lane)
    },
    take: async (key, gone) => {
      const lane = laneOf(state, key)
      if (lane.waiting.length === 0 && hasRoom(state, lane)) return begin(state, lane)
      if (lane.waiting.length >= limits.queue) return refuse(state, key, lane)
      return new Promise((answer) => lane.waiting.push({ since: monotonic(), gone, answer }))
    },
    refused: () => {
      const counted = new Map(refused)
      refused.clear()
      return counted
    },
    close: () => clearInterval(sweeping),
  }
}

function laneOf({ lanes, monotonic }: State, key: string): Lane {
  const lane = lanes.get(key) ?? { running: 0, begun: 0, waiting: [], lastAsked: 0, ended: 0, pace: 0 }
  lane.lastAsked = monotonic()
  lanes.set(key, lane)
  return lane
}

function hasRoom({ lanes, limits }: State, { running, begun }: Lane): boolean {
  if (lanes.size < 2) return running < limits.concurrent && begun < BEGUN_ALONE
  const most = Math.max(LEAST, Math.floor(limits.concurrent / 2 / lanes.size))
  return running < most && begun < BEGUN_SHARED
}

function refuse({ refused }: State, key: string, lane: Lane): NoTurn {
  refused.set(key, (refused.get(key) ?? 0) + 1)
  return { retryAfter: retryAfter(lane) }
}

function begin(state: State, lane: Lane): Turn {
  if (state.begun.size === 0) setImmediate(() => goRound(state))
  state.begun.add(lane)
  lane.running += 1
  lane.begun += 1
  let over = false
  return {
    done: () => {
      if (over) return
      over = true
      lane.running -= 1
      lane.ended += 1
      advance(state, lane)
    },
  }
}

function advance(state: State, lane: Lane): void {
  while (hasRoom(state, lane)) {
    const next = lane.waiting.shift()
    if (!next) return
    if (!next.gone()) next.answer(begin(state, lane))
  }
}

function goRound(state: State): void {
  const again = [...state.begun]
  state.begun.clear()
  for (const lane of again) lane.begun = 0
  for (const lane of again) advance(state, lane)
}

/** Refuses who has waited too long, measures the pace, and forgets who has been quiet. */
function sweep(state: State): void {
  const { lanes, limits, monotonic } = state
  const now = monotonic()
  const paced = now - state.pacedAt >= PACE_MS
  if (paced) state.pacedAt = now
  for (const [key, lane] of lanes) {
    if (paced) [lane.pace, lane.ended] = [lane.ended, 0]
    const late = lane.waiting.splice(0, lateOf(lane, now - limits.waitMs))
    for (const one of late) one.answer(refuse(state, key, lane))
    const quiet = lane.running === 0 && lane.waiting.length === 0
    if (quiet && now - lane.lastAsked > COUNTED_MS) lanes.delete(key)
  }
  // Where fewer share now, each may have more.
  for (const lane of lanes.values()) advance(state, lane)
}

/** How many at the front have waited since before this. */
function lateOf(lane: Lane, before: number): number {
  const first = lane.waiting.findIndex(({ since }) => since > before)
  return first < 0 ? lane.waiting.length : first
}

/** What waits now, at the pace of the last second. */
function retryAfter({ waiting, pace, ended }: Lane): number {
  const seconds = Math.ceil(waiting.length / Math.max(1, pace, ended))
  return Math.min(LONGEST_RETRY, Math.max(1, seconds))
}
