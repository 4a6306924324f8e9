import { readFileSync } from 'node:fs'
import { vectorFile } from '../vectors.ts'
import type { Surface } from './authority.ts'
import { type Door, type Knock, type Knocked, knock } from './knock.ts'
import { blocksAlways, watchLoop } from './loop-watch.ts'

/** The big list of naughty strings: what people type that breaks programs. */
export const STRINGS = JSON.parse(readFileSync(vectorFile('blns', 'blns.json'), 'utf8')) as readonly string[]

const TYPES = /^application\/(problem\+)?json$|^application\/x-ndjson$|^text\/event-stream$/
/** What a browser would take for more than a text, wherever it stood. */
const MARKUP = /<[a-z/!?][^>]*>|javascript:/i

/**
 * What may come back for any text: never that we broke, never a page, never anything a browser would guess to be one, and nothing of the
 * text in a header field.
 */
export function problemWith({ status, headers, text }: Knocked, sent = ''): string | undefined {
  if (status >= 500) return `${status} ${text.slice(0, 200)}`
  const type = String(headers['content-type'] ?? '')
  if (type.startsWith('text/html')) return problemWithPage(headers, text, sent)
  if (text !== '' && !TYPES.test(type)) return `type ${type}`
  if (headers['x-content-type-options'] !== 'nosniff') return 'may be sniffed'
  const reflected = sent.length > 3 && MARKUP.test(sent) && JSON.stringify(headers).includes(sent)
  if (reflected) return `a header field repeats it: ${JSON.stringify(headers)}`
  return text === '' || type === 'application/x-ndjson' || isJson(text)
    ? undefined
    : `no JSON: ${text.slice(0, 200)}`
}

/** A page of ours runs nothing, can't be framed, and shows a text as a text. */
function problemWithPage(headers: Knocked['headers'], text: string, sent: string): string | undefined {
  const policy = String(headers['content-security-policy'] ?? '')
  if (!policy.includes("default-src 'none'") || !policy.includes("frame-ancestors 'none'"))
    return `a page that may do more than show itself: ${policy}`
  return MARKUP.test(sent) && text.includes(sent) ? 'a page repeats it as markup' : undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A request with a text in one place. */
export type Asking = (text: string) => Knock

/**
 * Sends each text, some at a time, and says which answers must not be. A text that held everybody up whenever it is sent is one of
 * those.
 */
export async function answersTo(
  surface: Surface,
  door: Door,
  make: Asking,
  texts: readonly string[] = STRINGS,
): Promise<readonly string[]> {
  const judge = (text: string, answer: Knocked) => problemWith(answer, text)
  const wrong = await wrongAnswers(texts, (text) => knock(surface, door, make(text)), judge)
  return wrong.map(({ item, problem }) => `${JSON.stringify(item).slice(0, 80)}: ${problem}`)
}

type Wrong<T> = { readonly item: T; readonly problem: string }

/** What is wrong with the answers to each of them, and with how long they took of everybody's time. */
export async function wrongAnswers<T>(
  items: readonly T[],
  ask: (item: T) => Promise<Knocked>,
  judge: (item: T, answer: Knocked) => string | undefined,
): Promise<readonly Wrong<T>[]> {
  const left = [...items]
  const wrong: Wrong<T>[] = []
  const sent: { readonly item: T; readonly from: number; readonly to: number }[] = []
  const watch = watchLoop()
  const work = async () => {
    for (let next = left.splice(-1); next.length > 0; next = left.splice(-1)) {
      const [item] = next as [T]
      const from = performance.now()
      const answer = await ask(item)
      sent.push({ item, from, to: performance.now() })
      const problem = judge(item, answer)
      if (problem) wrong.push({ item, problem })
    }
  }
  await Promise.all(Array.from({ length: 6 }, work))
  watch.stop()
  const during = sent.filter(({ from, to }) =>
    watch.blocks.some((block) => block.from < to && from < block.to),
  )
  for (const { item } of during) {
    if (await blocksAlways(() => ask(item))) wrong.push({ item, problem: 'holds everybody up' })
  }
  return wrong
}
