import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askingPoint } from '../fakes/asking-point.ts'
import { ASKING, VOUCHES } from '../fakes/asking-world.ts'

const world = { ...ASKING, a: { ...ASKING['a'], cedar: `${ASKING['a']?.cedar} ${VOUCHES}` } }
const desk = await askingPoint(world, 'a', 'a/desk')

const users = ['ana', 'ada', 'gone', 'sam', 'company:sam', 'bo', 'nobody']
const agents = ['desk', 'helper', 'idle', 'operator/support', 'b/desk', 'x']
const user = fc.record({ type: fc.constant('user'), id: fc.constantFrom(...users) })
const agent = fc.record({ type: fc.constant('agent'), id: fc.constantFrom(...agents) })
const action = fc.record({
  name: fc.constantFrom('read', 'star', 'keep', 'sign', 'list', 'fetch', 'post', 'burn'),
  properties: fc.constantFrom({}, { key: 'ana' }, { key: 7 }),
})
const resource = fc.record({
  type: fc.constantFrom('document', 'document', 'payroll', 'mcp', 'nothing'),
  id: fc.constantFrom('plan', 'draft', 'new', 'archive', 'secrets', 'forum', 'june'),
  properties: fc.constantFrom({}, { owner: 'ana' }, { owner: 'ada', stars: 9 }, { owner: 7 }),
})
const context = fc.record(
  { agent: fc.constantFrom(...agents), user: fc.constantFrom(...users), mfa: fc.boolean() },
  { requiredKeys: [] },
)
const question = fc.record({ subject: fc.oneof(user, agent), action, resource, context })
/** Some can't be read. */
const any = fc.oneof(
  { weight: 9, arbitrary: question },
  { weight: 1, arbitrary: fc.constant({ subject: 7 }) },
)
const SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const

type Told = { readonly decision: boolean; readonly context?: object }
/** An answer without the id that is new in each; what can't be read is a no. */
const plain = ({ decision, context }: Told) =>
  JSON.stringify([decision, context]).replace(/dec_[\w-]+/, 'dec')
const alone = async (body: object): Promise<string> => {
  const answer = await desk.evaluate({ ...body, options: { explain: true } })
  return 'refused' in answer ? 'unread' : plain(answer as Told)
}
const options = { numRuns: 200 }

describe('AuthZEN', () => {
  it('answers a question among others as it answers it alone, as far as the semantic goes', async () => {
    const property = fc.asyncProperty(
      fc.array(any, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...SEMANTICS),
      async (evaluations, semantic) => {
        const asked = { evaluations, options: { explain: true, evaluations_semantic: semantic } }
        const told = (await desk.evaluations(asked))['evaluations'] as Told[]
        for (const [at, one] of told.entries()) {
          const single = await alone(evaluations[at] ?? {})
          expect(single === 'unread' ? one.decision : plain(one)).toEqual(
            single === 'unread' ? false : single,
          )
        }
        const end = told.findIndex(({ decision }) => decision === (semantic === 'permit_on_first_permit'))
        expect(told).toHaveLength(semantic === 'execute_all' || end < 0 ? evaluations.length : end + 1)
      },
    )
    await fc.assert(property, options)
  })

  it('answers a pair the same, whichever of the two is the subject', async () => {
    const property = fc.asyncProperty(user, agent, action, resource, async (who, through, act, what) => {
      const asked = { action: act, resource: what }
      const one = await desk.evaluate({ ...asked, subject: who, context: { agent: through.id } })
      const other = await desk.evaluate({ ...asked, subject: through, context: { user: who.id } })
      expect(one).toEqual(other)
    })
    await fc.assert(property, options)
  })

  it('finds exactly those of the known subjects that an evaluation allows', async () => {
    const property = fc.asyncProperty(
      fc.constantFrom('user', 'agent'),
      action,
      resource,
      context,
      async (type, act, what, around) => {
        const asked = { action: act, resource: what, context: around }
        const { results } = await desk.search('subject', { ...asked, subject: { type } })
        const found = (results as { readonly id: string }[]).map(({ id }) => id)
        const known =
          type === 'user'
            ? ['ada', 'ana', 'gone', 'company:sam', 'partner:sam']
            : ['desk', 'helper', 'idle', 'operator/support']
        const allowed: string[] = []
        for (const id of known) {
          const { decision } = await desk.evaluate({ ...asked, subject: { type, id } })
          if (decision === true) allowed.push(id)
        }
        expect(found).toEqual(allowed)
      },
    )
    await fc.assert(property, options)
  })

  it('finds exactly those tools that an evaluation allows', async () => {
    const property = fc.asyncProperty(
      fc.oneof(user, agent),
      resource,
      context,
      async (subject, what, around) => {
        const asked = { subject, resource: what, context: around }
        const { results } = await desk.search('action', asked)
        const allowed: object[] = []
        for (const name of ['read', 'star', 'keep', 'sign', 'list', 'fetch', 'post']) {
          const { decision } = await desk.evaluate({ ...asked, action: { name } })
          if (decision === true) allowed.push({ name })
        }
        expect(results).toEqual(allowed)
      },
    )
    await fc.assert(property, options)
  })

  it('never allows a user what the agent between may not, or what nobody lets it do for the user', async () => {
    const idle = fc.asyncProperty(
      user,
      action,
      resource,
      fc.constantFrom('idle', 'b/desk', 'x'),
      async (subject, act, what, through) => {
        expect(
          (await desk.evaluate({ subject, action: act, resource: what, context: { agent: through } }))[
            'decision'
          ],
        ).toBe(false)
      },
    )
    await fc.assert(idle, options)
  })
})
