/**
 * One block of `text/event-stream` (HTML, 9.2.6): an event, or only an id or a time to wait, or a comment. `data` is absent where no data
 * line came, which is another thing than an empty one.
 */
export type EventBlock = {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly retry?: string
  readonly comment?: true
}

/** Reads a stream as it comes; answers the blocks that are whole. */
export type BlockReader = {
  /** Undefined once a block is longer than the limit; the stream is then not to be read further. */
  push(text: string): readonly EventBlock[] | undefined
}

type OpenBlock = { -readonly [K in keyof EventBlock]: EventBlock[K] }

/** Characters of one block at most. Default 8 Mi. */
export function createBlockReader(max = 8 * 1024 * 1024): BlockReader {
  let rest = ''
  let block: OpenBlock = {}
  let size = 0
  return {
    push(text) {
      rest += text
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      const blocks: EventBlock[] = []
      for (const line of lines) {
        size += line.length
        if (line !== '') take(block, line)
        else {
          if (Object.keys(block).length > 0) blocks.push(block)
          block = {}
          size = 0
        }
      }
      return size + rest.length > max ? undefined : blocks
    },
  }
}

function take(block: OpenBlock, line: string): void {
  if (line.startsWith(':')) {
    block.comment = true
    return
  }
  const colon = line.indexOf(':')
  const field = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
  if (field === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`
  // An id with NUL is not one.
  else if (field === 'id' && !value.includes('\0')) block.id = value
  else if (field === 'event') block.event = value
  else if (field === 'retry' && /^\d{1,9}$/.test(value)) block.retry = value
}

/** Answers the data of each event that is whole. Comments, ids and retry times are left out. */
export type EventReader = {
  /** Undefined once an event is longer than the limit; the stream is then not to be read further. */
  push(text: string): readonly string[] | undefined
}

/** Characters of one event at most. Default 8 Mi. */
export function createEventReader(max = 8 * 1024 * 1024): EventReader {
  const reader = createBlockReader(max)
  return {
    push: (text) => reader.push(text)?.flatMap(({ data }) => (data === undefined ? [] : [data])),
  }
}

/** One event of the default kind. JSON has no line breaks, so it is one line of data. */
export function eventOf(message: unknown): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}

/** A block as it is written. Its texts must have no line breaks, but for the data. */
export function blockText({ id, event, data, retry, comment }: EventBlock): string {
  const lines = [
    ...(comment ? [': alive'] : []),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(retry === undefined ? [] : [`retry: ${retry}`]),
    ...(data === undefined ? [] : data.split('\n').map((line) => `data: ${line}`)),
  ]
  return `${lines.join('\n')}\n\n`
}
