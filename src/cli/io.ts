import picocolors from 'picocolors'

/** All that a command touches outside itself. */
export type Io = {
  readonly out: (text: string) => void
  /** Writes bytes to standard output, and waits where they go slower than they come. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Whether standard output is a terminal that may be coloured. */
  readonly colours: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type Paint = Pick<
  ReturnType<typeof picocolors.createColors>,
  'red' | 'green' | 'yellow' | 'dim' | 'bold'
>

export function paintOf(io: Pick<Io, 'colours' | 'env'>): Paint {
  return picocolors.createColors(io.colours && !io.env['NO_COLOR'])
}

/** The process's own streams and environment. */
export function processIo(): Io {
  const { stdout, stderr } = process
  return {
    out: (text) => void stdout.write(`${text}\n`),
    write: (bytes) =>
      new Promise((resolve, reject) => stdout.write(bytes, (error) => (error ? reject(error) : resolve()))),
    err: (text) => void stderr.write(`${text}\n`),
    env: process.env,
    cwd: process.cwd(),
    colours: stdout.isTTY === true,
    now: () => Date.now(),
  }
}
