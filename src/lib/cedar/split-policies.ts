/** One policy of a file: its text, where it begins (UTF-16 offset), and whether it has a slot, so is a template. */
export type PolicyText = { readonly text: string; readonly start: number; readonly template: boolean }

/** What was found wrong before any parser saw the text. */
export type SplitProblem = {
  readonly reason: 'policy.too_deep' | 'policy.too_long' | 'policy.syntax'
  readonly says: string
  readonly at: number
}

export type Split =
  | { readonly ok: true; readonly value: readonly PolicyText[] }
  | { readonly ok: false; readonly error: SplitProblem }

/** Brackets, `!`, `-` and `if` may nest this deep: the parser recurses, and its stack is small. */
const DEEPEST = 64
/** UTF-16 units in one policy. */
const LONGEST = 100_000
/** Operators in one policy: a chain nests in the parser's tree, however flat it is written. */
const MOST_OPERATORS = 1000

const TOKEN =
  /\/\/[^\n\r]*|"(?:\\[\s\S]|[^"\\])*"|"|[A-Za-z_][A-Za-z0-9_]*|&&|\|\||[=!<>]=|::|[0-9]+|[^ \t\r\n\f\v]/g
const OPERATORS: ReadonlySet<string> = new Set([
  '&&',
  '||',
  '.',
  '+',
  '-',
  '*',
  '[',
  'like',
  'has',
  'in',
  'is',
])
const OPENING: ReadonlySet<string> = new Set(['(', '[', '{'])
const CLOSING: ReadonlySet<string> = new Set([')', ']', '}'])

type Scan = {
  /** How much each open bracket adds: itself, and the `if`s and prefix operators directly inside it. */
  readonly frames: number[]
  depth: number
  prefixes: number
  operators: number
  /** Outside of strings and comments a `?` begins a slot, or is an error that the parser tells of. */
  slots: boolean
}

/**
 * Splits a text into its policies and bounds how deep each nests. A policy ends with a `;` outside of strings and
 * comments; whether the pieces are policies is for the parser to say.
 */
export function splitPolicies(source: string): Split {
  const found: PolicyText[] = []
  let scan = fresh()
  let start: number | undefined
  for (const match of source.matchAll(TOKEN)) {
    const token = match[0]
    if (token.startsWith('//')) continue
    start ??= match.index
    const wrong = step(scan, token)
    if (wrong !== undefined) return problem(wrong, match.index)
    if (token !== ';' || scan.frames.length > 1) continue
    const text = source.slice(start, match.index + 1)
    if (text.length > LONGEST) return problem('policy.too_long', start)
    found.push({ text, start, template: scan.slots })
    scan = fresh()
    start = undefined
  }
  // What follows the last `;` goes to the parser too: it knows what is missing.
  const rest = start === undefined ? [] : [{ text: source.slice(start), start, template: scan.slots }]
  return { ok: true, value: [...found, ...rest] }
}

function fresh(): Scan {
  return { frames: [0], depth: 0, prefixes: 0, operators: 0, slots: false }
}

function step(scan: Scan, token: string): SplitProblem['reason'] | undefined {
  if (OPERATORS.has(token)) scan.operators += 1
  if (token === '?') scan.slots = true
  if (token === '"') return 'policy.syntax'
  if (OPENING.has(token)) open(scan)
  else if (CLOSING.has(token)) close(scan)
  else if (token === 'if') deepen(scan, 1)
  else if (token === ',' || token === ';') reset(scan)
  if (token === '!' || token === '-') scan.prefixes += 1
  else scan.prefixes = 0
  if (scan.depth + scan.prefixes > DEEPEST) return 'policy.too_deep'
  return scan.operators > MOST_OPERATORS ? 'policy.too_long' : undefined
}

/** A run of `!` before a bracket nests as deep as it is long. */
function open(scan: Scan): void {
  scan.frames.push(0)
  deepen(scan, 1 + scan.prefixes)
}

function close(scan: Scan): void {
  if (scan.frames.length > 1) scan.depth -= scan.frames.pop() ?? 0
}

function deepen(scan: Scan, by: number): void {
  scan.frames.push((scan.frames.pop() ?? 0) + by)
  scan.depth += by
}

/** After a comma no `if` of this bracket is open any more; only the bracket itself remains. */
function reset(scan: Scan): void {
  const current = scan.frames.pop() ?? 0
  const remains = Math.min(current, 1)
  scan.depth -= current - remains
  scan.frames.push(remains)
}

function problem(reason: SplitProblem['reason'], at: number): Split {
  const says = {
    'policy.too_deep': `a policy may nest at most ${DEEPEST} deep`,
    'policy.too_long': `a policy may have at most ${LONGEST} characters and ${MOST_OPERATORS} operators`,
    'policy.syntax': 'a string that never ends',
  }[reason]
  return { ok: false, error: { reason, says, at } }
}
