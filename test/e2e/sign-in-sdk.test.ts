import {
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLink } from '../support/headless-login.ts'
import { PRELOADED, type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
beforeAll(async () => {
  world = await startSignInWorld()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const REDIRECT = 'http://127.0.0.1:8765/callback'

/** What a program made with the SDK keeps; its person follows the link at once. */
function provider(document?: string) {
  let client: unknown
  let tokens: unknown
  let verifier = ''
  let came = new URL(REDIRECT)
  let discovered: unknown
  const kept: OAuthClientProvider = {
    redirectUrl: REDIRECT,
    ...(document === undefined ? {} : { clientMetadataUrl: document }),
    clientMetadata: {
      client_name: 'A program with the SDK',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    state: () => 'state-of-the-program',
    clientInformation: () => client as never,
    saveClientInformation: (information) => {
      client = information
    },
    tokens: () => tokens as never,
    saveTokens: (given) => {
      tokens = given
    },
    redirectToAuthorization: async (url) => {
      came = await openLink(url.href, 'ana')
    },
    saveCodeVerifier: (text) => {
      verifier = text
    },
    codeVerifier: () => verifier,
    saveDiscoveryState: (state) => {
      discovered = state
    },
    discoveryState: () => discovered as never,
  }
  return { kept, came: () => came, spoil: () => Object.assign(tokens as object, { access_token: 'spoilt' }) }
}

async function connect(document: string | undefined, mode: 'auto' | undefined) {
  const own = provider(document)
  const open = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(world.resource), { authProvider: own.kept })
    const client = new Client(
      { name: 'program', version: '1' },
      mode === undefined ? {} : { versionNegotiation: { mode } },
    )
    return {
      client,
      transport,
      done: await client.connect(transport).then(
        () => true as const,
        (error: unknown) => error,
      ),
    }
  }
  const first = await open()
  expect(first.done).toBeInstanceOf(UnauthorizedError)
  await first.transport.finishAuth(own.came().searchParams)
  const second = await open()
  expect(second.done).toBe(true)
  return { ...second, own }
}

describe('a program made with the MCP SDK signs its person in by itself', () => {
  test.each([
    ['in the older revisions, registering itself', undefined, undefined],
    ['in the newest revision, registering itself', undefined, 'auto'],
    ['in the newest revision, by its metadata document', PRELOADED, 'auto'],
  ] as const)('%s', async (_how, by, mode) => {
    const { client, own } = await connect(by, mode)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name).sort()).toEqual(['read_note', 'write_note'])
    const read = await client.callTool({ name: 'read_note', arguments: { name: 'x' } })
    expect(JSON.stringify(read.content)).toContain('the note x')
    await expect(client.callTool({ name: 'burn_notes', arguments: {} })).rejects.toMatchObject({
      code: -32602,
    })
    // Its access token ends; it renews by itself.
    own.spoil()
    expect(JSON.stringify((await client.callTool({ name: 'write_note', arguments: {} })).content)).toContain(
      'written',
    )
    await client.close()
  })
})
