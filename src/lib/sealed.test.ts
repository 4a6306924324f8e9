import { randomBytes } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import { type SealingKey, seal, unseal } from './sealed.ts'

const key: SealingKey = { kid: 'k', secret: randomBytes(32) }
const other: SealingKey = { kid: 'o', secret: randomBytes(32) }
const of = (held: SealingKey) => (kid: string) => (kid === held.kid ? held : undefined)
const CONTEXT = ['held', 'acme', 'ana']

const flipped = (sealed: string, member: string): string => {
  const parts = JSON.parse(sealed) as Record<string, string>
  const text = parts[member] ?? ''
  return JSON.stringify({ ...parts, [member]: (text[0] === 'A' ? 'B' : 'A') + text.slice(1) })
}

describe('what is sealed', () => {
  it('opens with its key and its context, and shows neither its text nor its context', async () => {
    const sealed = await seal(key, CONTEXT, 'a secret')
    expect(await unseal(of(key), CONTEXT, sealed)).toEqual({ ok: true, value: 'a secret' })
    expect(sealed).not.toMatch(/a secret|acme|ana|aad/)
    expect(sealed).not.toContain(Buffer.from('a secret').toString('base64url').slice(0, 8))
  })

  it('looks different each time', async () => {
    expect(await seal(key, CONTEXT, 'same')).not.toBe(await seal(key, CONTEXT, 'same'))
  })

  it.each([
    ['another context', of(key), ['held', 'acme', 'ben'], 'sealing.broken'],
    ['the same letters, cut otherwise', of(key), ['held', 'acmeana'], 'sealing.broken'],
    ['another key', of(other), CONTEXT, 'sealing.no_key'],
    ['another key of the same name', of({ ...other, kid: 'k' }), CONTEXT, 'sealing.broken'],
  ])('does not open with %s', async (_what, keys, context, reason) => {
    const opened = await unseal(keys, context, await seal(key, CONTEXT, 'a secret'))
    expect(opened).toMatchObject({ ok: false, error: { reason } })
  })

  it.each(['encrypted_key', 'iv', 'ciphertext', 'tag', 'protected'])(
    'does not open when its %s was changed',
    async (member) => {
      const sealed = flipped(await seal(key, CONTEXT, 'a secret'), member)
      expect((await unseal(of(key), CONTEXT, sealed)).ok).toBe(false)
    },
  )

  it('is of one algorithm only: one that another library would open too is not taken', async () => {
    const compact = await new CompactEncrypt(Buffer.from('planted'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'k' })
      .encrypt(key.secret)
    const [protectedHeader, encrypted_key, iv, ciphertext, tag] = compact.split('.')
    const planted = JSON.stringify({ protected: protectedHeader, encrypted_key, iv, ciphertext, tag })
    expect((await unseal(of(key), [], planted)).ok).toBe(false)
    for (const text of ['', '[]', '{}', 'null', `{"ciphertext":"${'A'.repeat(300_000)}"}`])
      expect((await unseal(of(key), CONTEXT, text)).ok).toBe(false)
  })
})
