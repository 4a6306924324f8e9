import { join } from 'node:path'
import type { PostedTool } from '../customer/post-tool.ts'
import { type SignedIn, signIn } from '../parts/person.ts'
import type { Part } from './part.ts'
import { type Audience, allowed, ended, type Outcome, refused, type Story, startStory } from './story.ts'
import type { World } from './world.ts'

type Called = {
  readonly isError?: boolean
  readonly content?: readonly { readonly text?: string }[]
  readonly _meta?: Record<string, unknown>
}
type Token = {
  readonly type: string
  readonly claims: { readonly sub: string; readonly act?: { readonly sub: string } }
}
type End = { readonly how: string; readonly afterMs: number }

const REDIRECT = 'http://127.0.0.1:9/signed-in'

function person(world: World, tenant: string, login: string): Promise<SignedIn> {
  return signIn({ issuer: world.idp, client: `support-${tenant}`, redirect: REDIRECT, login })
}

/** An ordinary MCP call: a refusal is a result the model can read. */
async function call(
  support: Part,
  as: string,
  tool: string,
  input: Record<string, unknown>,
): Promise<Outcome> {
  const result = (await support.ask('call', { as, tool, input })) as Called
  const text = result.content?.[0]?.text ?? ''
  const reason = String(result._meta?.['countersign/reason'] ?? (result.isError ? 'upstream' : 'allowed'))
  return result.isError ? refused(reason, text) : allowed(text.replaceAll(/\s+/g, ' ').slice(0, 140), reason)
}

async function post(part: Part, what: string, args: Record<string, unknown>): Promise<Outcome> {
  return posted((await part.ask(what, args)) as PostedTool)
}

function posted(answer: PostedTool): Outcome {
  const detail = `HTTP ${answer.status} ${answer.text || (answer.challenge ?? '')}`.trim()
  return answer.refused ? refused(answer.reason ?? String(answer.status), detail) : allowed(detail)
}

type Obtain = (
  as: string,
  tenant: string,
  resource: string,
  user?: SignedIn,
  singleUse?: boolean,
) => Promise<Outcome>

type Scene = {
  readonly world: World
  readonly step: DoStep
  readonly support: Part
  readonly thief: Part
  readonly ana: SignedIn
  readonly bo: SignedIn
  readonly obtain: Obtain
}

const HERS = { customer_id: 'c-42', order_id: 'o-1001' }

async function setScene(world: World, step: DoStep): Promise<Scene> {
  const script = (name: string) => join(world.program, 'examples/customer', name)
  const args = [`${world.authority}/t/operator`, world.tokenFile('support'), world.gateway, world.authority]
  const [support, thief, ana, bo] = await Promise.all([
    world.start('support', script('support.ts'), args),
    world.start('thief', script('thief.ts'), []),
    person(world, 'a', 'ana'),
    person(world, 'b', 'bo'),
  ])
  const obtain: Obtain = async (as, tenant, resource, user, singleUse = false) => {
    const ask = { as, tenant, resource, user: user?.idToken ?? '', singleUse }
    const { type, claims } = (await support.ask('token', ask)) as Token
    const who = claims.act
      ? `user ${claims.sub}, acted for by ${claims.act.sub}`
      : `agent ${claims.sub} alone`
    return allowed(`${type} token of tenant ${tenant}: ${who}`)
  }
  return { world, step, support, thief, ana, bo, obtain }
}

/** A customer agent reads exactly one user's orders through the gateway, and is cut off when that user signs out. */
export async function customerStory(world: World, audience: Audience): Promise<Story> {
  const { step, steps } = startStory(audience)
  const scene = await setScene(world, step)
  await ownOrders(scene)
  await otherTenant(scene)
  await alone(scene)
  await stolen(scene)
  await singleUse(scene)
  await signOut(scene)
  await step("Bo, of tenant B, didn't notice", 'allowed', () =>
    call(scene.support, 'b', 'list_orders', { customer_id: 'c-42' }),
  )
  return { name: 'customer', title: "Customer: a support agent reads one user's orders", steps }
}

async function ownOrders({ step, support, ana, obtain }: Scene): Promise<void> {
  await step('Ana of tenant A asks; agent and user become one token that names both', 'allowed', async () => {
    const outcome = await obtain('a', 'a', 'orders', ana)
    return /acted for by operator\/support/.test(outcome.detail)
      ? outcome
      : refused('not_blended', outcome.detail)
  })
  await step('the gateway shows only tools she may use', 'allowed', async () => {
    const tools = (await support.ask('tools', { as: 'a' })) as readonly string[]
    const right = tools.includes('get_order') && !tools.includes('cancel_order')
    return right ? allowed(tools.join(', ')) : refused('wrong_tools', tools.join(', '))
  })
  await step('it reads her order', 'allowed', () => call(support, 'a', 'get_order', HERS))
  const other = { customer_id: 'c-77', order_id: 'o-1003' }
  await step(
    "another user's order is refused at the gateway",
    'refused',
    () => call(support, 'a', 'get_order', other),
    /user\.no_permit/,
  )
  const hidden = { as: 'a', tool: 'cancel_order', input: HERS }
  await step(
    "a hidden tool is refused like one that doesn't exist",
    'refused',
    () => post(support, 'post', hidden),
    /tool\.unknown/,
  )
  await step('an order found by its number alone: hers is shown', 'allowed', () =>
    call(support, 'a', 'find_order', { order_id: 'o-1001' }),
  )
  await step(
    "another user's number: row security in the database shows nothing",
    'refused',
    () => found(support, 'a', 'o-1003'),
    /row_security/,
  )
}

async function otherTenant({ world, step, support, bo, obtain }: Scene): Promise<void> {
  const his = { customer_id: 'c-42', order_id: 'o-2001' }
  await step('the same agent process serves Bo of tenant B at the same time', 'allowed', async () => {
    await obtain('b', 'b', 'orders', bo)
    return call(support, 'b', 'get_order', his)
  })
  await step(
    "tenant B's order under A's token: row security shows nothing",
    'refused',
    () => found(support, 'a', 'o-2001'),
    /row_security/,
  )
  const elsewhere = { as: 'a', url: `${world.gateway}/t/b/mcp/orders`, tool: 'get_order', input: his }
  await step(
    "A's token on B's URL is refused",
    'refused',
    () => post(support, 'post', elsewhere),
    /token\.issuer/,
  )
}

async function alone({ world, step, support, obtain }: Scene): Promise<void> {
  await step('the agent alone may read the public catalogue', 'allowed', async () => {
    await obtain('alone', 'a', 'catalogue')
    return call(support, 'alone', 'list_products', {})
  })
  await step(
    'the agent alone gets no orders',
    'refused',
    () => obtain('nobody', 'a', 'orders'),
    /signed-in user/,
  )
  const there = { as: 'alone', url: `${world.gateway}/t/a/mcp/orders`, tool: 'get_order', input: HERS }
  await step(
    'its token for the catalogue is refused at the orders',
    'refused',
    () => post(support, 'post', there),
    /token\.audience/,
  )
}

async function singleUse({ world, step, support, ana, obtain }: Scene): Promise<void> {
  await step(
    'a single-use token tried 50 times at once over both gateways works once',
    'allowed',
    async () => {
      await obtain('once', 'a', 'orders', ana, true)
      return burst(world, support)
    },
  )
}

type DoStep = ReturnType<typeof startStory>['step']

/** The upstream answers an empty find as an error result; an empty list is a refusal too. */
async function found(support: Part, as: string, order: string): Promise<Outcome> {
  const outcome = await call(support, as, 'find_order', { order_id: order })
  return /no such order/i.test(outcome.detail) ? refused('row_security', outcome.detail) : outcome
}

async function stolen({ world, support, thief, step }: Scene): Promise<void> {
  const token = (await support.ask('leak', { as: 'a' })) as string
  const url = `${world.gateway}/t/a/mcp/orders`
  const args = { token, url, tool: 'get_order', input: HERS }
  await step(
    'a process that stole the token but not the key: as a bearer, refused',
    'refused',
    () => post(thief, 'as bearer', args),
    /401/,
  )
  await step(
    'with a proof of its own key, refused',
    'refused',
    () => post(thief, 'with own key', args),
    /401/,
  )
}

async function burst(world: World, support: Part): Promise<Outcome> {
  const before = world.front.given()
  const args = { as: 'once', times: 50, tool: 'list_orders', input: { customer_id: 'c-42' } }
  const answers = (await support.ask('burst', args)) as readonly { refused: boolean }[]
  const worked = answers.filter((answer) => !answer.refused).length
  const [one = 0, two = 0] = world.front.given().map((given, index) => given - (before[index] ?? 0))
  const detail = `${worked} of ${answers.length} answered; ${one} were asked of gw-1, ${two} of gw-2`
  return worked === 1 && one > 0 && two > 0 ? allowed(detail) : refused('single_use', detail)
}

/** Does something at one gateway: every connection goes there meanwhile. */
async function at<T>(world: World, gateway: number, act: () => Promise<T>): Promise<T> {
  world.front.pin(gateway)
  try {
    return await act()
  } finally {
    world.front.pin(undefined)
  }
}

/** Real OpenID Connect back-channel logout: the provider tells the authority, the authority every gateway. */
async function signOut({ world, support, ana, step, obtain }: Scene): Promise<void> {
  const gateways = [0, 1] as const
  await step('a stream is open for Ana at each gateway', 'allowed', async () => {
    for (const each of gateways)
      await at(world, each, () => support.ask('listen', { as: 'a', stream: `gw-${each + 1}` }))
    return allowed('subscriptions/listen acknowledged by gw-1 and by gw-2')
  })
  await step('Ana signs out at the company: both open streams end', 'ended', async () => {
    const waiting = Promise.all(
      gateways.map((each) => support.ask('wait for end', { stream: `gw-${each + 1}` }) as Promise<End>),
    )
    const began = performance.now()
    await ana.signOut()
    const ways = (await waiting).map(({ how }) => how)
    const ms = Math.round(performance.now() - began)
    const detail = `both gateways ended the stream (${ways.join(', ')}) within ${ms} ms of her sign-out`
    return ways.includes('local') ? refused('not_ended', detail) : ended('user signed out', detail)
  })
  const order = { as: 'a', tool: 'get_order', input: { customer_id: 'c-42', order_id: 'o-1001' } }
  for (const each of gateways) {
    await step(
      `her next call is refused at gw-${each + 1}`,
      'refused',
      () => at(world, each, () => post(support, 'post', order)),
      /401/,
    )
  }
  await step(
    'her old sign-in gets no new token',
    'refused',
    () => obtain('again', 'a', 'orders', ana),
    /invalid_grant/,
  )
}
