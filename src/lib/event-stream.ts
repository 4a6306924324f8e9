/** Reads `text/event-stream` as it comes; answers the data of each event that is whole. Comments, ids and retry times are left out. */
export type EventReader = {
  /** Undefined once an event is longer than the limit; the stream is then not to be read further. */
  push(text: string): readonly string[] | undefined
}

/** Characters of one event at most. Default 8 Mi. */
export function createEventReader(max = 8 * 1024 * 1024): EventReader {
  let rest = ''
  let data: string[] = []
  let size = 0
  return {
    push(text) {
      rest += text
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      const events: string[] = []
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) events.push(data.join('\n'))
          data = []
          size = 0
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
          size += line.length
        }
      }
      return size + rest.length > max ? undefined : events
    },
  }
}

/** One event of the default kind. JSON has no line breaks, so it is one line of data. */
export function eventOf(message: unknown): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}
