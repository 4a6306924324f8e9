import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formAction, hidden, logIn } from '../../examples/parts/person.ts'
import { type AccountsWorld, startAccountsWorld } from '../support/accounts-world.ts'
import {
  answerConnect,
  anyBrowser,
  connectAccount,
  reachConnect,
  stoppedBrowser,
} from '../support/connecting-person.ts'
import { clientSide, signInThrough } from '../support/consenting-person.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

/** Seconds: short enough to see it refreshed, since what ends within half a minute is refreshed before it is used. */
const LIFE = 33

let accounts: AccountsWorld
let world: SignInWorld

beforeAll(async () => {
  accounts = await startAccountsWorld(LIFE)
  world = await startSignInWorld(configuration(), accounts.hosts)
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
  accounts.close()
})

function configuration() {
  return new Map([
    [
      'acme/tracker.yaml',
      `credential: tracker-accounts
provider: connected
allow_private: ${JSON.stringify(accounts.hosts)}
---
resource: tracker
type: mcp
at: ${accounts.at}
credential: { provider: tracker-accounts, life: 1m }
tools:
  read_issue: { hint: read, description: Reads an issue. }
  close_issue: { hint: write }
---
delegation: coder-at-tracker
agent: coder
user: "*"
tools: ["tracker/*"]
`,
    ],
    [
      'acme/tracker.cedar',
      `
@id("coder-tracker") @claimed("yes") permit (principal == Agent::"coder", action, resource == Resource::"tracker");
@id("people-tracker") permit (principal is User, action, resource == Resource::"tracker");
`,
    ],
  ])
}

const tracker = (at = world.resource) => at.replace('/mcp/notes', '/mcp/tracker')

async function tokenOf(login: string): Promise<string> {
  const redirect = 'http://127.0.0.1:51234/callback'
  const side = clientSide({
    issuer: world.issuer,
    clientId: world.publish({}),
    redirect,
    resource: tracker(),
  })
  return (await signInThrough(side, login)).access_token ?? ''
}

type Answer = {
  readonly status: number
  readonly text: string
  readonly result?: Record<string, unknown> & { readonly isError?: boolean }
  readonly error?: { readonly code: number; readonly data: Record<string, unknown> }
}

type Asking = {
  readonly at?: string
  readonly capabilities?: object
  readonly params?: object
  readonly method?: string
}

/** A request of 2026-07-28. */
async function ask(token: string, tool: string, asking: Asking = {}): Promise<Answer> {
  const { at = world.resource, capabilities = {}, params = {}, method = 'tools/call' } = asking
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  }
  const named = method === 'tools/call' ? { name: tool, arguments: {} } : {}
  const response = await fetch(tracker(at), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(method === 'tools/call' ? { 'mcp-name': tool } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...named, ...params, _meta: meta } }),
  })
  const text = await response.text()
  const json = JSON.parse(text.startsWith('{') ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}')) as object
  return { status: response.status, text, ...json }
}

const PAGES = { elicitation: { url: {} } }
const LINK = /http:\/\/[^\s"]+\/t\/acme\/connect\/[\w-]{43}/

const linkOf = async (token: string, tool = 'read_issue'): Promise<string> =>
  LINK.exec((await ask(token, tool)).text)?.[0] ?? ''

const reasons = async () => (await world.events()).map(({ reason }) => reason)

/** Ends the connection that a test before this one left. */
async function afresh(login: string): Promise<string> {
  const token = await tokenOf(login)
  const at = anyBrowser()
  const page = await reachConnect(at, `${world.issuer}/connections`, login)
  if (page.body.includes('Disconnect'))
    await at.open(formAction(page), { ticket: hidden(page, 'ticket'), resource: 'tracker' })
  return token
}

describe('a call of a server where its user has no account yet', () => {
  test('asks a client of 2026-07-28 to open the page, and is answered once it was', async () => {
    const token = await tokenOf('ana')
    const first = await ask(token, 'read_issue', { capabilities: PAGES })
    expect(first.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'countersign/connect': { method: 'elicitation/create', params: { mode: 'url' } } },
    })
    const link = LINK.exec(first.text)?.[0] ?? ''
    // Nobody is named in it, and nothing of the token.
    expect(decodeURIComponent(link)).not.toMatch(/ana|usr_|coder|ses_/)
    const responses = { inputResponses: { 'countersign/connect': { action: 'accept' } } }
    const tooEarly = await ask(token, 'read_issue', { capabilities: PAGES, params: responses })
    expect(tooEarly.result?.['resultType']).toBe('input_required')
    expect((await connectAccount(link, 'ana', 'ana-at-tracker')).body).toContain('Connected')
    const done = await ask(token, 'read_issue', { capabilities: PAGES, params: responses })
    expect(done.text).toContain('an issue of ana-at-tracker')
    // And at the other gateway.
    const other = await ask(token, 'read_issue', { at: world.resourceAtOther, capabilities: PAGES })
    expect(other.text).toContain('an issue of ana-at-tracker')
    expect(accounts.shown).not.toContain(token)
    expect(await reasons()).toEqual(expect.arrayContaining(['connection.needed', 'connection.made']))
  })

  test('tells a client that opens no pages where to, in words that a model can pass on', async () => {
    const token = await tokenOf('ben')
    const answer = await ask(token, 'read_issue')
    expect(answer.result?.isError).toBe(true)
    expect(answer.text).toMatch(LINK)
    // Asked again, the same page.
    expect(await linkOf(token)).toBe(LINK.exec(answer.text)?.[0])
  })

  test('lists what is declared, so that a client comes to the call at all', async () => {
    const token = await tokenOf('ben')
    const listed = await ask(token, '', { method: 'tools/list' })
    expect(listed.result).toMatchObject({
      cacheScope: 'private',
      tools: [{ name: 'close_issue' }, { name: 'read_issue' }].reverse(),
    })
    const found = await ask(token, '', { method: 'server/discover' })
    expect(found.result).toMatchObject({ capabilities: { tools: {} }, cacheScope: 'private' })
  })

  test('is error -32042 to a client of 2025-11-25 that opens pages, and readable to one that does not', async () => {
    const token = await tokenOf('ben')
    const legacy = async (method: string, params: object, session?: string) => {
      const response = await fetch(tracker(), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      })
      const json = (await response.json()) as Answer
      return { ...json, session: response.headers.get('mcp-session-id') ?? undefined }
    }
    const clientInfo = { name: 'test', version: '1' }
    for (const capabilities of [PAGES, {}]) {
      const begun = await legacy('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo })
      expect(begun.result).toMatchObject({ protocolVersion: '2025-11-25', capabilities: { tools: {} } })
      const called = await legacy('tools/call', { name: 'read_issue', arguments: {} }, begun.session)
      if (capabilities === PAGES)
        expect(called.error).toMatchObject({
          code: -32042,
          data: {
            elicitations: [
              { mode: 'url', elicitationId: expect.any(String), url: expect.stringMatching(LINK) },
            ],
          },
        })
      else expect(called.result).toMatchObject({ isError: true })
    }
  })
})

describe('the page where an account is connected', () => {
  test('says for whom, where and for what, can not be framed, runs nothing, and is kept by nobody', async () => {
    const at = anyBrowser()
    const page = await reachConnect(at, await linkOf(await afresh('ben')), 'ben')
    for (const said of ['coder', 'tracker', new URL(accounts.at).host, new URL(accounts.issuer).host, 'read'])
      expect(page.body).toContain(said)
    expect(page.body).not.toContain('<script')
    const bare = await fetch(`${world.issuer}/connect/${'x'.repeat(43)}`, { redirect: 'manual' })
    expect(bare.status).toBe(400)
    expect(bare.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(bare.headers.get('x-frame-options')).toBe('DENY')
    expect(bare.headers.get('cache-control')).toBe('no-store')
  })

  test('is finished by nobody but the user whose call it was', async () => {
    const link = await linkOf(await afresh('ben'))
    const page = await reachConnect(anyBrowser(), link, 'ana')
    expect(page.body).toContain('connection.other_user')
    expect(page.body).not.toContain('ticket')
    expect(await reasons()).toContain('connection.other_user')
  })

  test('is answered once, in the browser that signed in, and only from itself', async () => {
    const link = await linkOf(await afresh('ben'))
    const at = anyBrowser()
    const page = await reachConnect(at, link, 'ben')
    const elsewhere = await answerConnect(anyBrowser(), page, 'allow')
    expect(elsewhere.body).toContain('sign_in.other_browser')
    const forged = await fetch(formAction(page), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' },
      body: new URLSearchParams({ ticket: hidden(page, 'ticket'), answer: 'allow' }).toString(),
    })
    expect(await forged.text()).toContain('consent.origin')
    expect((await answerConnect(at, page, 'allow')).url).toContain(accounts.issuer)
    expect((await answerConnect(at, page, 'allow')).body).toContain('connection.over')
  })

  test('takes what comes back once, in that browser, and from the issuer that it was sent to', async () => {
    const link = await linkOf(await afresh('ben'))
    const redeem = async (change: (back: URL) => void, own = true) => {
      const at = stoppedBrowser(world.issuer)
      const page = await reachConnect(at, link, 'ben')
      const stopped = await logIn(at, await answerConnect(at, page, 'allow'), 'ben-at-tracker')
      const back = new URL(stopped.url)
      change(back)
      at.goOn()
      const first = await (own ? at : anyBrowser()).open(back.href)
      return { first, again: await at.open(back.href) }
    }
    const others = await redeem(() => {}, false)
    expect(others.first.body).toContain('sign_in.other_browser')
    expect(others.again.body).toContain('connection.over')
    const mixed = await redeem((back) => back.searchParams.set('iss', 'https://evil.example'))
    expect(mixed.first.body).toContain('connect.answer')
    const bare = await redeem((back) => back.searchParams.delete('iss'))
    expect(bare.first.body).toContain('connect.answer')
    const right = await redeem(() => {})
    expect(right.first.body).toContain('Connected')
    expect(right.again.body).toContain('connection.over')
  })

  test('connects nothing when the person says no', async () => {
    const token = await afresh('ben')
    const at = anyBrowser()
    const page = await reachConnect(at, await linkOf(token), 'ben')
    expect((await answerConnect(at, page, 'deny')).body).toContain('Not connected')
    expect((await ask(token, 'read_issue')).result?.isError).toBe(true)
  })
})

describe('a connected account', () => {
  test('is refreshed by one process at a time, and its old tokens are not used again', async () => {
    const token = await afresh('ana')
    await connectAccount(await linkOf(token), 'ana', 'ana-at-tracker')
    const before = await accounts.counts()
    await new Promise((resolve) => setTimeout(resolve, 4000))
    const calls = Array.from({ length: 12 }, (_, at) =>
      ask(token, 'read_issue', { at: at % 2 ? world.resourceAtOther : world.resource }),
    )
    for (const answer of await Promise.all(calls)) expect(answer.text).toContain('ana-at-tracker')
    const after = await accounts.counts()
    const refreshes = (after['refresh_token'] ?? 0) - (before['refresh_token'] ?? 0)
    expect([refreshes, after['grant.error'] ?? 0]).toEqual([1, before['grant.error'] ?? 0])
  }, 30_000)

  test('asks for more where a tool needs more, with all that it had, and does not go in circles', async () => {
    const token = await afresh('ana')
    await connectAccount(await linkOf(token), 'ana', 'ana-at-tracker')
    expect((await ask(token, 'read_issue')).text).toContain('ana-at-tracker')
    const more = await ask(token, 'close_issue')
    const link = LINK.exec(more.text)?.[0] ?? ''
    const at = anyBrowser()
    const page = await reachConnect(at, link, 'ana')
    expect(page.body).toMatch(/<code>read<\/code>.*<code>write<\/code>/s)
    const done = await connectAccount(link, 'ana', 'ana-at-tracker')
    expect(done.body).toContain('Connected')
    expect((await ask(token, 'close_issue')).text).toContain('closed by ana-at-tracker')
  })

  test('stands in the database as nothing that could be used', async () => {
    const token = await afresh('ana')
    await connectAccount(await linkOf(token), 'ana', 'ana-at-tracker')
    await ask(token, 'read_issue')
    expect(accounts.shown.length).toBeGreaterThan(0)
    const dump = await dumpOf(world.database)
    // Compared here, so that a failure prints no dump.
    expect(dump.includes('encrypted_key')).toBe(true)
    expect(accounts.shown.filter((secret) => dump.includes(secret))).toEqual([])
    expect(/"?(access|refresh|client_secret|secret)"+:/.test(dump)).toBe(false)
  })

  test('ends at once when its person disconnects it: here, at every gateway, and where its tokens came from', async () => {
    const token = await afresh('ana')
    await connectAccount(await linkOf(token), 'ana', 'ana-at-tracker')
    await ask(token, 'read_issue')
    await ask(token, 'read_issue', { at: world.resourceAtOther })
    const used = accounts.shown.at(-1) ?? ''
    const at = anyBrowser()
    const list = await reachConnect(at, `${world.issuer}/connections`, 'ana')
    expect(list.body).toContain('Disconnect tracker')
    const ended = await at.open(formAction(list), { ticket: hidden(list, 'ticket'), resource: 'tracker' })
    expect(ended.body).toContain('took the tokens back')
    expect(ended.body).toContain('There are none')
    for (const gateway of [world.resource, world.resourceAtOther])
      expect((await ask(token, 'read_issue', { at: gateway })).text).toMatch(LINK)
    // The server itself doesn't take it any more.
    const direct = await fetch(accounts.at, {
      method: 'POST',
      headers: { authorization: `Bearer ${used}` },
      body: '{}',
    })
    expect(direct.status).toBe(401)
  })

  test('is of no use once its user is revoked, and to no other user ever', async () => {
    const token = await afresh('ana')
    await connectAccount(await linkOf(token), 'ana', 'ana-at-tracker')
    expect((await ask(await tokenOf('ben'), 'read_issue')).text).not.toContain('ana-at-tracker')
    expect((await ask(token, 'read_issue')).text).toContain('ana-at-tracker')
    await world.admin.revoke('acme', { kind: 'user', name: 'company:ana', reason: 'test', standing: false })
    expect((await ask(token, 'read_issue')).status).toBe(401)
    expect((await ask(token, 'read_issue', { at: world.resourceAtOther })).status).toBe(401)
  })
})

async function dumpOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select c.relname as name from pg_class c where c.relnamespace = 'countersign'::regnamespace and c.relkind = 'r'`,
    )
    const all: string[] = []
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`select t::text as row from countersign.${name} t`)
      all.push(...found.rows.map(({ row }) => row))
    }
    return all.join('\n')
  } finally {
    await client.end()
  }
}
