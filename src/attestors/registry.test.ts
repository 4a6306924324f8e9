import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { issued, issuerKeys, testPorts } from '../../test/fakes/workload-issuer.ts'
import type { TrustProvider } from '../core/identity/trust-provider.ts'
import { PRESETS } from './oidc-token/presets.ts'
import { ATTESTORS, attestToken, settingsOf } from './registry.ts'

const AUDIENCE = 'https://countersign.example/t/acme'
const provider = (name: string, project: string): TrustProvider => ({
  trust: name,
  attestor: 'oidc-token',
  preset: 'gitlab',
  issuer: 'https://gitlab.example',
  audience: AUDIENCE,
  pin: { 'project-id': project, 'namespace-id': '2' },
  jwks: issuerKeys(),
})
const token = issued({
  iss: 'https://gitlab.example',
  aud: AUDIENCE,
  project_id: '1',
  namespace_id: '2',
  ref_protected: 'true',
})

async function tried(...providers: TrustProvider[]): Promise<string> {
  const result = await attestToken(token, providers, () => testPorts())
  return result.ok ? (result.value.selectors[0] ?? '') : result.error.reason
}

function docsPage(name: string): string {
  return readFileSync(new URL(`../../docs/plugins/attestor-${name}.md`, import.meta.url), 'utf8')
}

describe.each([...ATTESTORS.values()])('attestor $name', (attestor) => {
  it('has a page in the documents that names each of its settings', () => {
    const page = docsPage(attestor.name)
    const { properties = {} } = z.toJSONSchema(attestor.trust, { io: 'input', unrepresentable: 'any' })
    const unnamed = Object.keys(properties).filter((key) => !page.includes(`| \`${key}`))
    expect(Object.keys(properties).length).toBeGreaterThan(3)
    expect(unnamed).toEqual([])
  })

  it('takes no empty settings and no unknown key', () => {
    const issuesOf = (settings: object) => attestor.trust.safeParse(settings).error?.issues ?? []
    expect(issuesOf({ surprise: 1 }).map((issue) => issue.code)).toContain('unrecognized_keys')
    // Evidence names its audience; a client that shows none must at least be known from somewhere.
    const needed = attestor.name === 'oauth-client' ? 'listed' : 'audience'
    expect(issuesOf({}).map((issue) => issue.path.join('.'))).toContain(needed)
  })
})

describe('the page of oidc-token', () => {
  it.each([...PRESETS.values()])('names the claims, the pins and the prefix of $name', (preset) => {
    const rows = docsPage('oidc-token')
      .split('\n')
      .filter((line) => line.startsWith(`| \`${preset.name}\``))
    const text = rows.join(' ').replaceAll(`${preset.prefix}:`, '')
    const expected = [...Object.keys(preset.claims), ...preset.pins.flat()].filter((name) => name !== 'scope')
    expect(expected.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
    expect(rows.join(' ')).toContain(`\`${preset.prefix}:`)
  })
})

describe('choosing among the providers of a tenant', () => {
  it('takes the one that concerns the token, and names it', async () => {
    expect(await tried(provider('one', '1'))).toBe('trust:one')
    expect(await tried(provider('two', '7'), provider('one', '1'))).toBe('trust:one')
  })

  it('refuses when none does, when it refuses, and when two do', async () => {
    expect(await tried()).toBe('evidence.untrusted')
    expect(await tried(provider('two', '7'))).toBe('evidence.pin')
    expect(await tried(provider('one', '1'), provider('also', '1'))).toBe('evidence.two_providers')
  })

  it('refuses a token that is spelled another way before anything else', async () => {
    const result = await attestToken(`${token} `, [provider('one', '1')], () => testPorts())
    expect(!result.ok && result.error.reason).toBe('jwt.malformed')
  })

  it('gives each attestor its own settings only', () => {
    expect(Object.keys(settingsOf(provider('one', '1')))).not.toContain('trust')
  })
})
