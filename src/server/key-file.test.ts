import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyFile } from './key-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-key-'))
})
afterEach(() => rm(folder, { recursive: true }))

const publicOf = (pair: Awaited<ReturnType<typeof keyFile>>) =>
  pair.publicKey.export({ type: 'spki', format: 'pem' })

describe('a key file', () => {
  it('is made 0600 in a 0700 folder, and is the same the next time', async () => {
    const path = join(folder, 'keys', 'audit-log.key')
    const made = publicOf(await keyFile(path, 'ed25519'))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700)
    expect(publicOf(await keyFile(path, 'ed25519'))).toBe(made)
    expect(await readdir(join(folder, 'keys'))).toEqual(['audit-log.key'])
  })

  it.each([0o640, 0o604, 0o660, 0o644])('is refused with mode %o: others may have read it', async (mode) => {
    const path = join(folder, 'audit-log.key')
    await keyFile(path, 'ed25519')
    await chmod(path, mode)
    await expect(keyFile(path, 'ed25519')).rejects.toMatchObject({ reason: 'keys.open_file' })
  })

  it('that can not be looked at is never replaced by a new one', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(keyFile(join(folder, 'file', 'audit-log.key'), 'ed25519')).rejects.toThrow()
  })

  it('that is no key stops the start, without a word of what stands in it', async () => {
    const path = join(folder, 'audit-log.key')
    await writeFile(path, 'something private', { mode: 0o600 })
    const error: unknown = await keyFile(path, 'ed25519').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ reason: 'keys.unreadable' })
    expect(String(error)).not.toContain('private')
  })

  it('of another kind is refused', async () => {
    const { generateKeyPairSync } = await import('node:crypto')
    const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
    const path = join(folder, 'audit-log.key')
    await writeFile(path, pem, { mode: 0o600 })
    await expect(keyFile(path, 'ed25519')).rejects.toMatchObject({ reason: 'keys.unreadable' })
  })

  it('is one key for all who make it at once, in one process and in several', async () => {
    const path = join(folder, 'audit-log.key')
    const module = new URL('./key-file.ts', import.meta.url).href
    const script = `import { keyFile } from ${JSON.stringify(module)}
      const { publicKey } = await keyFile(${JSON.stringify(path)}, 'ed25519')
      process.stdout.write(publicKey.export({ type: 'spki', format: 'pem' }))`
    const run = promisify(execFile)
    const other = () =>
      run(process.execPath, ['--input-type=module', '-e', script]).then(({ stdout }) => stdout)
    const own = () => keyFile(path, 'ed25519').then(publicOf)
    const keys = await Promise.all([other(), other(), other(), own(), own(), own()])
    expect(new Set(keys).size).toBe(1)
    expect(await readdir(folder)).toEqual(['audit-log.key'])
    expect(await readFile(path, 'utf8')).toContain('PRIVATE KEY')
  })

  it('is found where a start before was killed half-way', async () => {
    await mkdir(join(folder, 'keys'))
    const path = join(folder, 'keys', 'audit-log.key')
    await writeFile(`${path}.${process.pid}.new`, 'half', { mode: 0o600 })
    await keyFile(path, 'ed25519')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})
