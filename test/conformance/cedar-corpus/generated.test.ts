import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import {
  authorize,
  buildEntities,
  type CedarPolicy,
  entitiesFromJson,
  entityUid,
  explainPolicy,
  fromCedarJson,
  type Json,
  parseExactJson,
  preparePolicy,
  printExactJson,
} from '../../../src/core/policy/cedar/cedar.ts'
import { readExpression } from '../../../src/core/policy/cedar/read-expression.ts'
import { render } from '../../../src/core/policy/cedar/render.ts'
import { openCedar } from '../../../src/lib/cedar/cedar.ts'
import { CONDITION, ENTITIES, POLICY, REQUEST } from './expressions.ts'

const cedar = openCedar()
afterAll(() => cedar.close())

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

const STORE = must(buildEntities(must(entitiesFromJson(ENTITIES))))

type Uid = { readonly type: string; readonly id: string }
type Asked = { readonly principal: Uid; readonly action: Uid; readonly resource: Uid; readonly context: Json }

function ours(policies: readonly CedarPolicy[], asked: Asked) {
  const context = must(fromCedarJson(asked.context))
  if (context.kind !== 'record') throw new Error('context is not a record')
  const uid = ({ type, id }: Uid) => entityUid(type, id)
  const request = {
    principal: uid(asked.principal),
    action: uid(asked.action),
    resource: uid(asked.resource),
    context,
  }
  const answer = authorize(policies, request, STORE)
  const satisfied = policies.filter((policy) => explainPolicy(policy, request, STORE) === undefined).length
  return {
    decision: answer.decision,
    reason: [...answer.determining].sort(),
    errors: [...answer.erroring].sort(),
    satisfied,
  }
}

const seen = { satisfied: 0, errors: 0, policies: 0 }

test('generated policies are decided, determined and erring as by Cedar itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(POLICY, { minLength: 10, maxLength: 20 }), REQUEST, async (list, asked) => {
      const staticPolicies = Object.fromEntries(list.map((est, index) => [`p${index}`, est]))
      const call = printExactJson({ ...asked, policies: { staticPolicies }, entities: ENTITIES })
      const wanted = must(await cedar.isAuthorized(call))
      const policies = list.map((est, index) => must(preparePolicy(`p${index}`, est)))
      const { satisfied, ...got } = ours(policies, asked)
      seen.policies += list.length
      seen.errors += got.errors.length
      seen.satisfied += satisfied
      expect(got).toEqual({
        decision: wanted.decision,
        reason: [...wanted.reason].sort(),
        errors: [...new Set(wanted.errors)].sort(),
      })
    }),
    { numRuns: 500 },
  )
  // A generator that only makes errors would prove little.
  expect(seen.satisfied / seen.policies).toBeGreaterThan(0.08)
  expect(seen.errors / seen.policies).toBeLessThan(0.5)
}, 120_000)

test('a rendered expression, parsed by Cedar, is the same expression again', async () => {
  await fc.assert(
    fc.asyncProperty(CONDITION, async (est) => {
      const text = render(must(readExpression(est)))
      const file = {
        file: 'rendered.cedar',
        text: `@id("x") permit(principal, action, resource) when { ${text} };`,
      }
      const parsed = await cedar.parsePolicies(file)
      if (!parsed.ok) throw new Error(`${text}\n${JSON.stringify(parsed.error)}`)
      const policy = parseExactJson(must(parsed)[0]?.est ?? '') as { conditions: { body: Json }[] }
      const again = must(readExpression(policy.conditions[0]?.body ?? null))
      expect(render(again)).toBe(text)
      expect(printExactJson(policy.conditions[0]?.body ?? null)).toBe(printExactJson(est))
    }),
    { numRuns: 500 },
  )
}, 120_000)
