import {
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerConsent,
  type ClientSide,
  clientSide,
  reachConsent,
  redeem,
} from '../support/consenting-person.ts'
import { openLink } from '../support/headless-login.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
beforeAll(async () => {
  world = await startSignInWorld()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const REDIRECT = 'http://127.0.0.1:8765/callback'

/** A program that was told to ask for one tool alone; its person follows each link, and the links are kept. */
function program(scope: string) {
  let [client, tokens, verifier, discovered]: unknown[] = []
  const asked: URL[] = []
  let came = new URL(REDIRECT)
  const provider: OAuthClientProvider = {
    redirectUrl: REDIRECT,
    clientMetadata: {
      client_name: 'A careful program',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope,
    },
    state: () => 'state',
    clientInformation: () => client as never,
    saveClientInformation: (given) => {
      client = given
    },
    tokens: () => tokens as never,
    saveTokens: (given) => {
      tokens = given
    },
    redirectToAuthorization: async (url) => {
      asked.push(url)
      came = await openLink(url.href, 'ana')
    },
    saveCodeVerifier: (text) => {
      verifier = text
    },
    codeVerifier: () => verifier as string,
    saveDiscoveryState: (state) => {
      discovered = state
    },
    discoveryState: () => discovered as never,
  }
  return { provider, asked, came: () => came, scope: () => (tokens as { scope?: string }).scope }
}

async function connected(own: ReturnType<typeof program>, mode: 'auto' | undefined) {
  const open = () =>
    new StreamableHTTPClientTransport(new URL(world.resource), { authProvider: own.provider })
  const make = () =>
    new Client({ name: 'careful', version: '1' }, mode === undefined ? {} : { versionNegotiation: { mode } })
  const first = open()
  await expect(make().connect(first)).rejects.toBeInstanceOf(UnauthorizedError)
  await first.finishAuth(own.came().searchParams)
  const transport = open()
  const client = make()
  await client.connect(transport)
  return { client, transport }
}

const written = (client: Client) => client.callTool({ name: 'write_note', arguments: {} })

describe('a program with the MCP SDK that asked for one tool', () => {
  test.each([
    ['in the older revisions', undefined],
    ['in the newest revision', 'auto'],
  ] as const)('%s asks its person again when it needs another, and gets both', async (_when, mode) => {
    const own = program('notes/read_note')
    const { client, transport } = await connected(own, mode)
    const read = await client.callTool({ name: 'read_note', arguments: { name: 'x' } })
    expect(JSON.stringify(read.content)).toContain('the note x')
    await expect(written(client)).rejects.toBeInstanceOf(UnauthorizedError)
    expect(own.asked.at(-1)?.searchParams.get('scope')?.split(' ').sort()).toEqual([
      'notes/read_note',
      'notes/write_note',
    ])
    await transport.finishAuth(own.came().searchParams)
    expect(own.scope()?.split(' ').sort()).toEqual(['notes/read_note', 'notes/write_note'])
    expect(JSON.stringify((await written(client)).content)).toContain('written')
    expect(own.asked).toHaveLength(2)
    await client.close()
  })

  test('is not sent to its person for what policy forbids anyway', async () => {
    const own = program('notes/read_note')
    const { client } = await connected(own, 'auto')
    await expect(client.callTool({ name: 'burn_notes', arguments: {} })).rejects.toMatchObject({
      code: -32602,
    })
    expect(own.asked).toHaveLength(1)
    await client.close()
  })
})

describe('on the wire', () => {
  const published = (): ClientSide =>
    clientSide({
      issuer: world.issuer,
      clientId: world.publish({}),
      redirect: 'http://127.0.0.1:51234/callback',
      resource: world.resource,
    })

  async function tokenFor(scope: string | undefined): Promise<string> {
    const client = published()
    const { at, page } = await reachConsent(client, 'ana', { scope })
    const code = (await answerConsent(at, page, 'allow')).searchParams.get('code') ?? ''
    return (await redeem(client, code)).access_token ?? ''
  }

  async function post(token: string, body: unknown) {
    const response = await fetch(world.resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': Array.isArray(body) ? '2025-03-26' : '2025-11-25',
      },
      body: JSON.stringify(body),
    })
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      text: await response.text(),
    }
  }

  const call = (name: string, args: object = {}) => {
    return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
  }

  test('one challenge names all that is needed, and where to ask; it is recorded once', async () => {
    const token = await tokenFor('notes/read_note')
    const count = async () => (await world.events()).filter(({ reason }) => reason === 'chain.scope').length
    const before = await count()
    const came = await post(token, call('write_note'))
    expect(came.status).toBe(403)
    expect(came.challenge).toMatch(
      /^Bearer error="insufficient_scope", scope="notes\/read_note notes\/write_note", resource_metadata="[^"]+", error_description="[^"]+"$/,
    )
    expect(came.challenge).toContain(
      `resource_metadata="${new URL(world.resource).origin}/.well-known/oauth-protected-resource/t/acme/mcp/notes"`,
    )
    expect(JSON.parse(came.text)).toMatchObject({ error: { data: { reason: 'chain.scope' } } })
    await expect.poll(count).toBe(before + 1)
  })

  test.each([
    ['a tool that its person may not use', 'burn_notes'],
    ['a tool that is not there', 'no_such_tool'],
  ])('%s stays unknown, and nobody is challenged', async (_what, name) => {
    const came = await post(await tokenFor('notes/read_note'), call(name))
    expect([came.status, came.challenge]).toEqual([200, null])
    expect(JSON.parse(came.text)).toMatchObject({ error: { code: -32602 } })
  })

  test('a missing or bad token is challenged without a scope: one without a scope is not narrower', async () => {
    for (const token of ['x', 'a.b.c']) {
      const { status, challenge } = await post(token, call('read_note'))
      expect([status, challenge?.includes('scope=')]).toEqual([401, false])
    }
  })

  test('of several messages at once none is answered for all', async () => {
    const token = await tokenFor('notes/read_note')
    const came = await post(token, [call('read_note', { name: 'x' }), { ...call('write_note'), id: 2 }])
    expect([came.status, came.challenge]).toEqual([200, null])
    expect(came.text).toContain('the note x')
    expect(came.text).not.toContain('written')
  })
})
