import { applyChanges } from '../../src/core/apply-changes.ts'
import { TOKEN_TYP } from '../../src/core/identity/access-token.ts'
import type { AccessRequest } from '../../src/core/policy/access-request.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { type AuthorityView, type Decide, viewOf } from '../../src/flows/authority.ts'
import { evaluateAccess } from '../../src/flows/evaluate-access.ts'
import { searchAccess } from '../../src/flows/search-access.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import { decisionsAnswer, searchAnswer } from '../../src/protocols/authzen/answers.ts'
import { readEvaluation, readEvaluations, readSearch } from '../../src/protocols/authzen/questions.ts'
import { changesOf, PORTS, type World } from '../properties/decide-world.ts'
import { GATEWAY, type MemoryStore, memoryStore, portsFor, START, withKeys } from './authority.ts'
import { signAs } from './tenant.ts'

const ORIGIN = 'https://authority.example'
type Claims = Readonly<Record<string, unknown>>
type Answer = Readonly<Record<string, unknown>>

/** An enforcement point of one tenant and the authority that it asks, by calls instead of HTTP: real flows over a store in memory. */
export type FakeAskingPoint = {
  readonly store: MemoryStore
  readonly clock: { now: number; ageMs: number }
  readonly view: () => AuthorityView
  /** What was decided, oldest first. */
  readonly decided: readonly AccessRequest[]
  /** Its access token, a bearer, with other claims where some are given. */
  readonly token: (over?: Claims) => string
  /** The body of a good answer, or `{ refused: <reason> }`. */
  readonly evaluate: (body: unknown, token?: string) => Promise<Answer>
  readonly evaluations: (body: unknown, token?: string) => Promise<Answer>
  readonly search: (
    target: 'subject' | 'resource' | 'action',
    body: unknown,
    token?: string,
  ) => Promise<Answer>
}

export async function askingPoint(world: World, tenant: string, agent: string): Promise<FakeAskingPoint> {
  const clock = { now: START, ageMs: 0 }
  const keys = new Map(Object.keys(world).map((name) => [name, newSigningKey()]))
  const store = memoryStore(applyChanges(emptySnapshot(), await changesOf(withKeys(world, keys)), PORTS))
  const decided: AccessRequest[] = []
  const filled = portsFor(ORIGIN, store, clock, keys, [])
  const deciding: Decide = (request, snapshot, now) => {
    decided.push(request)
    return filled.decide(request, snapshot, now)
  }
  const ports = { ...filled, decide: deciding }
  const view = () => viewOf(ports, tenant) as AuthorityView
  const key = keys.get(tenant) ?? newSigningKey()
  const claims = (): Claims => ({
    iss: `${ORIGIN}/t/${tenant}`,
    sub: agent,
    client_id: agent,
    aud: `${GATEWAY}/t/${tenant}/authzen/authzen`,
    iat: clock.now,
    exp: clock.now + 300,
    jti: 'tok_asking',
    sid: 'ses_asking',
    rev: store.snapshot().revision,
    lin: [`agent:${agent}`],
    chn: [agent],
    prf: 'attested',
  })
  const token = (over: Claims = {}) => signAs(key, TOKEN_TYP.access, { ...claims(), ...over })
  const shown = (text: string) => ({
    presented: { authorization: [`Bearer ${text}`], dpop: [], method: 'POST', url: 'unused by a bearer' },
    address: '192.0.2.7',
  })
  const answering =
    (read: typeof readEvaluation) =>
    async (body: unknown, text = token()): Promise<Answer> => {
      const { asked, shape } = read(body)
      const verdicts = await evaluateAccess(view(), { ...shown(text), asked })
      return verdicts.ok ? jsonOf(decisionsAnswer(verdicts.value, shape)) : { refused: verdicts.error.reason }
    }
  return {
    store,
    clock,
    view,
    decided,
    token,
    evaluate: answering(readEvaluation),
    evaluations: answering(readEvaluations),
    search: async (target, body, text = token()) => {
      const page = await searchAccess(view(), { ...shown(text), asked: readSearch(target, body) })
      return page.ok ? jsonOf(searchAnswer(page.value)) : { refused: page.error.reason }
    },
  }
}

function jsonOf(answer: object): Answer {
  return 'json' in answer ? (answer.json as Answer) : {}
}
