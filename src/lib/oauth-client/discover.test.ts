import { describe, expect, it } from 'vitest'
import { bearerChallenge } from './challenge.ts'
import { discover } from './discover.ts'
import { web } from './web.fixture.ts'

const AT = 'https://mcp.example/v1/mcp'
const AS = 'https://as.example'
const BESIDE = 'https://mcp.example/.well-known/oauth-protected-resource/v1/mcp'
const ROOT = 'https://mcp.example/.well-known/oauth-protected-resource'

const resource = (more: object = {}) => ({ json: { resource: AT, authorization_servers: [AS], ...more } })
const server = (more: object = {}) => ({
  json: {
    issuer: AS,
    authorization_endpoint: `${AS}/authorize`,
    token_endpoint: `${AS}/token`,
    code_challenge_methods_supported: ['S256'],
    ...more,
  },
})
const OF_AS = `${AS}/.well-known/oauth-authorization-server`

async function found(
  places: Parameters<typeof web>[0],
  issuers?: readonly string[],
  challenge?: { metadata: string },
) {
  const { fetch, asked } = web(places)
  const outcome = await discover({ fetch }, AT, challenge, issuers)
  return {
    urls: asked.map(({ url }) => url),
    came: outcome.ok ? outcome.value.server.issuer : outcome.error.reason,
    outcome,
  }
}

describe('where the metadata of a server is looked for', () => {
  it('is where its challenge says, and nowhere else then', async () => {
    const said = 'https://mcp.example/said'
    const places = { [said]: resource(), [OF_AS]: server() }
    expect(await found(places, undefined, { metadata: said })).toMatchObject({
      came: AS,
      urls: [said, OF_AS],
    })
    expect(
      (await found({ [BESIDE]: resource(), [OF_AS]: server() }, undefined, { metadata: said })).came,
    ).toBe('connect.metadata')
  })

  it('is else beside its path, and then at its root', async () => {
    expect((await found({ [BESIDE]: resource(), [OF_AS]: server() })).urls).toEqual([BESIDE, OF_AS])
    const atRoot = { [ROOT]: resource({ resource: 'https://mcp.example/' }), [OF_AS]: server() }
    expect(await found(atRoot)).toMatchObject({ came: AS, urls: [BESIDE, ROOT, OF_AS] })
  })

  it('is not passed over when it can not be reached: what comes next could say something else', async () => {
    const places = { [BESIDE]: 'gone', [ROOT]: resource(), [OF_AS]: server() } as const
    expect((await found(places)).came).toBe('connect.unreachable')
  })
})

describe('metadata of a server', () => {
  it.each([
    ['another origin', 'https://evil.example/v1/mcp'],
    ['another place of the same origin', 'https://mcp.example/v2'],
    ['a place whose name only begins alike', 'https://mcp.example/v1/mc'],
    ['a place below', `${AT}/deeper`],
    ['a place with a query', `${AT}?x=1`],
    ['no URL', 'mcp'],
    ['a number', 7],
  ])('that is about %s is not followed', async (_what, named) => {
    expect((await found({ [BESIDE]: resource({ resource: named }), [OF_AS]: server() })).came).toBe(
      'connect.resource',
    )
  })

  it.each([
    'https://mcp.example',
    'https://mcp.example/',
    'https://mcp.example/v1',
    'https://mcp.example/v1/',
    AT,
  ])('may be about %s, which is it or above it', async (named) => {
    expect((await found({ [BESIDE]: resource({ resource: named }), [OF_AS]: server() })).came).toBe(AS)
  })

  it('leads only to an authorization server that the settings list, if they list any', async () => {
    const places = {
      [BESIDE]: resource({ authorization_servers: ['https://other.example', AS] }),
      [OF_AS]: server(),
    }
    expect(await found(places, [AS])).toMatchObject({ came: AS, urls: [BESIDE, OF_AS] })
    expect(await found(places, ['https://mine.example'])).toMatchObject({
      came: 'connect.unlisted',
      urls: [BESIDE],
    })
    expect((await found({ [BESIDE]: resource({ authorization_servers: [] }) })).came).toBe('connect.metadata')
  })
})

describe('metadata of an authorization server', () => {
  it.each([
    [AS, [OF_AS, `${AS}/.well-known/openid-configuration`]],
    [
      `${AS}/t/one`,
      [
        `${AS}/.well-known/oauth-authorization-server/t/one`,
        `${AS}/.well-known/openid-configuration/t/one`,
        `${AS}/t/one/.well-known/openid-configuration`,
      ],
    ],
  ])('of %s is looked for in the order that MCP gives', async (issuer, order) => {
    const places = { [BESIDE]: resource({ authorization_servers: [issuer] }) }
    expect((await found(places)).urls.slice(1)).toEqual(order)
    const last = { ...places, [order.at(-1) ?? '']: server({ issuer }) }
    expect((await found(last)).came).toBe(issuer)
  })

  it.each([
    ['names another issuer', { issuer: 'https://evil.example' }, 'connect.issuer'],
    ['names it with a slash more', { issuer: `${AS}/` }, 'connect.issuer'],
    ['names none', { issuer: undefined }, 'connect.issuer'],
    ['says nothing of PKCE', { code_challenge_methods_supported: undefined }, 'connect.pkce'],
    ['takes only plain PKCE', { code_challenge_methods_supported: ['plain'] }, 'connect.pkce'],
    ['has no token endpoint', { token_endpoint: undefined }, 'connect.metadata'],
    ['sends the browser to a script', { authorization_endpoint: 'javascript:alert(1)' }, 'connect.metadata'],
    [
      'sends the browser over plain http',
      { authorization_endpoint: 'http://as.example/a' },
      'connect.metadata',
    ],
    ['hides a login in an endpoint', { token_endpoint: 'https://a:b@as.example/t' }, 'connect.metadata'],
  ])('that %s is not used', async (_how, more, reason) => {
    expect((await found({ [BESIDE]: resource(), [OF_AS]: server(more) })).came).toBe(reason)
  })

  it('is not looked for further when the first that is there speaks for somebody else', async () => {
    const right = { [`${AS}/.well-known/openid-configuration`]: server() }
    const places = { [BESIDE]: resource(), [OF_AS]: server({ issuer: 'https://evil.example' }), ...right }
    expect(await found(places)).toMatchObject({ came: 'connect.issuer', urls: [BESIDE, OF_AS] })
  })
})

describe('a challenge', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['Basic realm="x"', undefined],
    ['Bearer', {}],
    ['Bearer resource_metadata="https://a.example/m"', { metadata: 'https://a.example/m' }],
    ['Basic realm="a, Bearer scope=\\"b\\"", Bearer scope="read  write read"', { scope: ['read', 'write'] }],
    ['bearer error="insufficient_scope", scope="admin"', { error: 'insufficient_scope', scope: ['admin'] }],
    ['Bearer scope="a\\"b ok"', { scope: ['ok'] }],
    [`Bearer scope="${'a'.repeat(5000)}"`, undefined],
  ])('%j is read as %j', async (header, expected) => {
    expect(await bearerChallenge(header)).toEqual(expected)
  })
})
