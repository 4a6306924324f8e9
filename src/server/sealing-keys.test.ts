import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSealingKeys } from './sealing-keys.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-sealing-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = () => randomBytes(32).toString('base64')
const own = () => join(folder, 'keys/sealing.key')

async function fileOf(content: string, mode = 0o600): Promise<string> {
  const path = join(folder, `${randomBytes(4).toString('hex')}.key`)
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}

describe('sealing keys', () => {
  it('are one that is made at the first start, for its owner alone, and found again', async () => {
    const [one, two] = await Promise.all([
      openSealingKeys(own(), undefined, {}),
      openSealingKeys(own(), undefined, {}),
    ])
    expect(one).toEqual(two)
    expect(await openSealingKeys(own(), undefined, {})).toEqual(one)
    expect((await stat(own())).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'keys'))).toEqual(['sealing.key'])
    expect((await readFile(own(), 'utf8')).trim()).toBe(Buffer.from(one[0].secret).toString('base64'))
  })

  it('come from files and from the environment, in the order of the configuration', async () => {
    const [first, second] = [text(), text()]
    const file = await fileOf(`${first}\n`)
    const keys = await openSealingKeys(own(), ['env:NEW', file], { NEW: second })
    expect(keys.map(({ secret }) => Buffer.from(secret).toString('base64'))).toEqual([second, first])
    expect(await openSealingKeys(own(), ['env:SAME'], { SAME: first })).toEqual([keys[1]])
    await expect(readFile(own())).rejects.toThrow(/ENOENT/)
  })

  it.each([
    ['is not there', 'keys.unreadable', async () => join(folder, 'gone.key')],
    ['is not set', 'keys.unreadable', async () => 'env:GONE'],
    ['is too short', 'keys.unreadable', () => fileOf('c2hvcnQ=')],
    ['is not base64', 'keys.unreadable', () => fileOf('!'.repeat(44))],
    ['is empty', 'keys.unreadable', () => fileOf('')],
    ['others may read', 'keys.open_file', () => fileOf(text(), 0o640)],
  ])('stop the start when one that is named %s', async (_how, reason, source) => {
    const named = await source()
    await expect(openSealingKeys(own(), [named], {})).rejects.toMatchObject({ reason })
    await expect(openSealingKeys(own(), ['env:GOOD', named], { GOOD: text() })).rejects.toThrow()
  })

  it('say nothing of the key in what they complain of', async () => {
    const almost = text().slice(0, 40)
    const failed = openSealingKeys(own(), ['env:BAD'], { BAD: almost })
    await expect(failed).rejects.not.toThrow(almost)
  })
})
