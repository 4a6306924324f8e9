import { afterAll, expect, test } from 'vitest'
import { openCedar } from './cedar.ts'
import { openCedarThread } from './cedar-thread.ts'

const cedar = openCedar()
afterAll(() => cedar.close())

const FILE = 'acme/policies/orders.cedar'
const HEAD = 'permit (principal, action, resource)'
const when = (body: string): string => `@id("p") ${HEAD} when { ${body} };`

async function reasons(text: string): Promise<string> {
  const parsed = await cedar.parsePolicies({ file: FILE, text })
  return parsed.ok
    ? 'parsed'
    : parsed.error.map((each) => `${each.reason} ${each.line}:${each.column}`).join(', ')
}

test('policies come with id, effect, annotations, place and exact JSON form', async () => {
  const text = `// é\n@id("a") @ask\npermit(principal, action, resource) when { context.n == 9007199254740993 };\n  @id("b") forbid(principal, action, resource);`
  const parsed = await cedar.parsePolicies({ file: FILE, text })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  const [a, b] = parsed.value
  expect(a).toMatchObject({ id: 'a', effect: 'permit', file: FILE, line: 2, column: 1 })
  expect(a?.est).toContain('{"Value":9007199254740993}')
  expect([...(a?.annotations ?? [])]).toEqual([
    ['ask', ''],
    ['id', 'a'],
  ])
  expect(b).toMatchObject({ id: 'b', effect: 'forbid', line: 4, column: 3 })
  expect(text.slice(b?.start)).toBe(b?.text)
})

test.each([
  ['a policy without a name', `\n${HEAD};`, 'policy.id_missing 2:1'],
  ['two of one name', `@id("a") ${HEAD};\n@id("a") ${HEAD};`, 'policy.id_duplicate 2:1'],
  ['an empty name', `@id("") ${HEAD};`, 'policy.id_missing 1:1'],
  ['a missing bracket', `@id("a") permit (principal, action, resource;`, 'policy.syntax 1:45'],
  ['a slot of another name', `@id("a") permit (principal == ?who, action, resource);`, 'policy.syntax 1:31'],
  [
    'a slot in a clause',
    `@id("a") permit (principal == ?principal, action, resource) when { ?resource };`,
    'policy.syntax 1:68',
  ],
  [
    'a slot that is no slot',
    `@id("a") permit (principal, action, resource) when { true ? 1 };`,
    'policy.syntax 1:59',
  ],
  ['an unknown method, after an é', `// é\n${when('"é" == "" && 1.foo()')}`, 'policy.syntax 2:67'],
  ['half a character', when('"\ud800" == ""'), 'policy.syntax 1:1'],
  ['a stray sign between policies', `${when('true')} # @id("q") ${HEAD};`, 'policy.syntax 1:62'],
])('%s is refused, with its place', async (_name, text, expected) => {
  expect(await reasons(text)).toBe(expected)
})

const SCHEMA = {
  file: 'schema',
  text: `entity User { customer_id: String }; entity Orders;
    action "get" appliesTo { principal: User, resource: Orders, context: { input: { customer_id: String } } };`,
}

async function validate(text: string) {
  const file = { file: FILE, text }
  const parsed = await cedar.parsePolicies(file)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return cedar.validate(SCHEMA, parsed.value, [file])
}

test('a validation error shows the place, the source and what was probably meant', async () => {
  const body = 'context.input.customer_id == principal.custmer_id'
  const found = await validate(`@id("own")\npermit (principal is User, action, resource)\nwhen { ${body} };`)
  expect(found).toMatchObject({
    ok: false,
    error: [
      {
        reason: 'policy.invalid',
        policy: 'own',
        says: 'attribute `custmer_id` on entity type `User` not found',
        help: 'did you mean `customer_id`?',
        line: 3,
        column: 47,
        snippet: `when { ${body} };\n${' '.repeat(46)}^^^^^^^^^^ did you mean \`customer_id\`?`,
      },
    ],
  })
})

test('valid policies pass, and a broken schema is told apart from a broken policy', async () => {
  expect(await validate(`@id("own") permit (principal is User, action, resource);`)).toEqual({
    ok: true,
    value: [],
  })
  const broken = await cedar.checkSchema({ file: 'schema', text: 'entity User {' })
  expect(broken).toMatchObject({ ok: false, error: [{ reason: 'schema.invalid', file: 'schema' }] })
})

test('two files may not hide a policy from validation by giving it the same name', async () => {
  const good = { file: 'a.cedar', text: `@id("x") ${HEAD};` }
  const bad = { file: 'b.cedar', text: '@id("x") permit (principal is Usr, action, resource);' }
  const [one, two] = await Promise.all([cedar.parsePolicies(bad), cedar.parsePolicies(good)])
  if (!one.ok || !two.ok) throw new Error('not parsed')
  const found = await cedar.validate(SCHEMA, [...one.value, ...two.value], [good, bad])
  expect(!found.ok && found.error[0]).toMatchObject({ file: 'b.cedar', help: 'did you mean `User`?' })
})

test('formatting keeps comments', async () => {
  const formatted = await cedar.format({ file: FILE, text: `// why\n${when('true')}` })
  expect(formatted.ok && formatted.value).toContain('// why')
})

test('the oracle reads integers exactly', async () => {
  const uid = { type: 'U', id: 'a' }
  const call = (n: string): string =>
    JSON.stringify({
      principal: uid,
      action: uid,
      resource: uid,
      context: { n: 0 },
      policies: { staticPolicies: { p: when('context.n == 9007199254740993') } },
      entities: [],
    }).replace('"n":0', `"n":${n}`)
  expect(await cedar.isAuthorized(call('9007199254740993'))).toMatchObject({ value: { decision: 'allow' } })
  expect(await cedar.isAuthorized(call('9007199254740992'))).toMatchObject({ value: { decision: 'deny' } })
})

test('a policy made of a template is validated with its slots, and what is wrong with them is told where it is made', async () => {
  const text =
    '@id("t") permit (principal == ?principal, action, resource);\n@id("p") permit (principal, action, resource);'
  const file = { file: FILE, text }
  const parsed = await cedar.parsePolicies(file)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  expect(parsed.value.map(({ id, template }) => [id, template])).toEqual([
    ['t', true],
    ['p', false],
  ])
  const at = { file: 'acme/links.yaml', line: 7, column: 3 }
  const made = (id: string, type: string) => ({
    id,
    template: 't',
    slots: { principal: { type, id: 'ana' } },
    at,
  })
  const good = await cedar.validate(SCHEMA, parsed.value, [file], [made('x', 'User')])
  expect(good).toMatchObject({ ok: true })
  const bad = await cedar.validate(SCHEMA, parsed.value, [file], [made('x', 'User'), made('y', 'Usr')])
  expect(bad.ok ? [] : bad.error.filter(({ severity }) => severity === 'error')).toMatchObject([
    { reason: 'policy.invalid', policy: 'y', ...at, says: 'unrecognized entity type `Usr`' },
  ])
  const clause = { ...file, text: `${text.slice(0, 59)} when { principal.nothing == 1 };` }
  const read = await cedar.parsePolicies(clause)
  if (!read.ok) throw new Error(JSON.stringify(read.error))
  const wrong = await cedar.validate(SCHEMA, read.value, [clause], [made('x', 'User')])
  expect(wrong.ok ? [] : wrong.error[0]).toMatchObject({ policy: 't', file: FILE, line: 1, column: 78 })
})

const HOSTILE = `permit(principal,action,resource) when { ${'!('.repeat(200)}true${')'.repeat(200)} };`
const HARMLESS = 'permit(principal,action,resource) when { !(!(true)) };'
const written = (text: string) => ({ text, template: false })

test('a policy that breaks the parser costs one thread, and the next question has a new one', async () => {
  const thread = openCedarThread()
  const [broken, fine] = await Promise.all([
    thread.ask({ ask: 'parse', texts: [written(HOSTILE)] }),
    thread.ask({ ask: 'parse', texts: [written(HARMLESS)] }),
  ])
  expect(broken).toMatchObject({ ok: false, error: { reason: 'cedar.crashed' } })
  expect(fine).toMatchObject({ ok: true })
  await thread.close()
  expect(await thread.ask({ ask: 'parse', texts: [] })).toMatchObject({ error: { reason: 'cedar.closed' } })
})

test('a question that takes too long ends the thread, not the wait of the next', async () => {
  const thread = openCedarThread({ patienceMs: 300 })
  const texts = Array.from({ length: 200_000 }, () => written(HARMLESS))
  expect(await thread.ask({ ask: 'parse', texts })).toMatchObject({ error: { reason: 'cedar.timeout' } })
  expect(await thread.ask({ ask: 'parse', texts: [written(HARMLESS)] })).toMatchObject({ ok: true })
  await thread.close()
})
