import { mkdtemp, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FilePort } from './append-file.ts'
import { openAppendFile } from './append-file.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'append-'))
})
afterEach(() => rm(folder, { recursive: true }))

const failing = (code: string) => Object.assign(new Error(code), { code })

/** A real file on a disk with room for so many bytes, whose calls can be made to fail. */
function disk(room: number) {
  const faults = { room, datasync: undefined as Error | undefined, truncate: undefined as Error | undefined }
  const openFile = async (path: string): Promise<FilePort> => {
    const file = await open(path, 'a+')
      .then((made) => made.close())
      .then(() => open(path, 'r+'))
    return {
      write: async (bytes, offset, length, position) => {
        const fits = Math.min(length, faults.room - position)
        if (fits <= 0) throw failing('ENOSPC')
        // Disks write what fits first and fail the rest; a short write is legal at any time.
        return file.write(bytes, offset, Math.ceil(fits / 2), position)
      },
      datasync: async () => {
        const fault = faults.datasync
        faults.datasync = undefined
        if (fault) throw fault
        await file.datasync()
      },
      truncate: async (length) => {
        if (faults.truncate) throw faults.truncate
        await file.truncate(length)
      },
      close: () => file.close(),
    }
  }
  return { faults, openFile }
}

describe('an append file', () => {
  it('keeps what was appended, private to its user, and goes on where it was', async () => {
    const path = join(folder, 'a')
    const file = await openAppendFile(path, 0)
    await file.append(Buffer.from('one '))
    await file.append(Buffer.from('two '))
    await file.close()
    const again = await openAppendFile(path, 8)
    await again.append(Buffer.from('three'))
    expect(again.size()).toBe(13)
    await again.close()
    expect(await readFile(path, 'utf8')).toBe('one two three')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('cuts off what lies beyond the size it is opened at', async () => {
    const path = join(folder, 'a')
    await writeFile(path, 'whole torn')
    const file = await openAppendFile(path, 6)
    await file.append(Buffer.from('next'))
    await file.close()
    expect(await readFile(path, 'utf8')).toBe('whole next')
  })

  it('leaves nothing of an append that fills the disk, and goes on when there is room', async () => {
    const { faults, openFile } = disk(10)
    const path = join(folder, 'a')
    const file = await openAppendFile(path, 0, openFile)
    await file.append(Buffer.from('12345678'))
    await expect(file.append(Buffer.from('abcdef'))).rejects.toMatchObject({ reason: 'file.full' })
    expect(await readFile(path, 'utf8')).toBe('12345678')
    faults.room = 100
    await file.append(Buffer.from('next'))
    await file.close()
    expect(await readFile(path, 'utf8')).toBe('12345678next')
  })

  it('believes nothing after a failed fsync, also when a later one would succeed', async () => {
    const { faults, openFile } = disk(100)
    const file = await openAppendFile(join(folder, 'a'), 0, openFile)
    faults.datasync = failing('EIO')
    await expect(file.append(Buffer.from('a'))).rejects.toMatchObject({ reason: 'file.broken' })
    await expect(file.append(Buffer.from('b'))).rejects.toMatchObject({ reason: 'file.broken' })
    expect(file.broken()).toBe(true)
    expect(file.size()).toBe(0)
    await file.close()
  })

  it('is broken when a full disk does not even let it cut back', async () => {
    const { faults, openFile } = disk(4)
    const file = await openAppendFile(join(folder, 'a'), 0, openFile)
    faults.truncate = failing('EIO')
    await expect(file.append(Buffer.from('abcdef'))).rejects.toMatchObject({ reason: 'file.broken' })
    faults.room = 100
    await expect(file.append(Buffer.from('b'))).rejects.toMatchObject({ reason: 'file.broken' })
    await file.close()
  })

  it('is not opened through a symbolic link', async () => {
    await writeFile(join(folder, 'target'), 'keep')
    await symlink(join(folder, 'target'), join(folder, 'link'))
    await expect(openAppendFile(join(folder, 'link'), 0)).rejects.toMatchObject({ reason: 'file.broken' })
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('keep')
  })
})
