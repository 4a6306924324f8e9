import { constants, fdatasync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What is used of an open file (`FileHandle` has it all), so that a test can play a full or failing disk. */
export type FilePort = {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>
  datasync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}
export type OpenFile = (path: string) => Promise<FilePort>

/** `file.full`: nothing of the append remains, and later ones may succeed. `file.broken`: unknown what the disk holds; reopen and read it back. */
export class FileFault extends Error {
  override readonly name = 'FileFault'
  readonly reason: 'file.full' | 'file.broken'
  constructor(reason: FileFault['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** A file that only grows. `append` resolves once its bytes are on the disk; one append at a time. */
export type AppendFile = {
  append(bytes: Uint8Array): Promise<void>
  /** Bytes that are on the disk. */
  size(): number
  /** True after `file.broken`: what the file holds beyond `size` is unknown. */
  broken(): boolean
  close(): Promise<void>
}

const FULL: readonly string[] = ['ENOSPC', 'EDQUOT']

/** Opens or makes a file of mode 0600, not through a symbolic link. What it has beyond `size` bytes is cut off, durably. */
export async function openAppendFile(
  path: string,
  size: number,
  openFile: OpenFile = openPlain,
): Promise<AppendFile> {
  let file: FilePort | undefined
  try {
    file = await openFile(path)
    await file.truncate(size)
    await file.datasync()
    await syncDirectory(dirname(path))
    return appendTo(file, size)
  } catch (cause) {
    await file?.close()
    throw isFull(cause) ? fileFull(cause) : new FileFault('file.broken', `can't open ${path}`, { cause })
  }
}

function appendTo(file: FilePort, start: number): AppendFile {
  let size = start
  let broken: unknown

  async function append(bytes: Uint8Array): Promise<void> {
    if (broken !== undefined) throw fileBroken(broken)
    try {
      await writeAll(file, bytes, size)
      await file.datasync()
      size += bytes.length
    } catch (cause) {
      throw (await cutBack(cause)) ? fileFull(cause) : fileBroken(cause)
    }
  }

  /**
   * After a full disk the file is cut back to what was durable and goes on. After any other failure, of fsync above all, the kernel may
   * have dropped pages and call the next fsync a success: nothing is believed until the file is read again.
   */
  async function cutBack(cause: unknown): Promise<boolean> {
    broken = cause
    if (!isFull(cause)) return false
    try {
      await file.truncate(size)
      await file.datasync()
      broken = undefined
      return true
    } catch {
      return false
    }
  }

  return { append, size: () => size, broken: () => broken !== undefined, close: () => file.close() }
}

async function writeAll(file: FilePort, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/**
 * Writes straight from this thread: a write only copies into the page cache, which costs less than handing it to another thread. What
 * waits for the disk, `datasync`, is handed over.
 */
async function openPlain(path: string): Promise<FilePort> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  return {
    write: async (bytes, offset, length, position) => ({
      bytesWritten: writeSync(file.fd, bytes, offset, length, position),
    }),
    datasync: () =>
      new Promise((resolve, reject) => {
        fdatasync(file.fd, (fault) => (fault ? reject(fault) : resolve()))
      }),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  }
}

/** Makes a new, renamed or removed name durable; the file's own fsync does not. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function isFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && FULL.includes(String(cause.code))
}

function fileFull(cause: unknown): FileFault {
  return new FileFault('file.full', 'the disk is full; nothing was written', { cause })
}

function fileBroken(cause: unknown): FileFault {
  return new FileFault(
    'file.broken',
    'writing failed; the file must be opened again before more is written',
    { cause },
  )
}
