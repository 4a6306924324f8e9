import { err, ok, type Result } from '../result.ts'

/** One character of a URI, or one character or more of a variable. */
type Step =
  | { readonly is: string }
  | { readonly variable: string; readonly takes: ReadonlySet<string>; readonly reserved: boolean }
type Form = readonly Step[]

/**
 * URIs as one declaration means them: one URI, or those of a template (RFC 6570, levels 1 to 3). `forms`: each shape that they can have;
 * there are several where variables of a query may be left out.
 */
export type UriTemplate = {
  readonly text: string
  readonly variables: readonly { readonly name: string; readonly optional: boolean }[]
  readonly forms: readonly Form[]
}

const MAX_URI = 2048
const MAX_VARIABLES = 16
/** Each may be there or not, so each doubles the forms. */
const MAX_IN_QUERY = 4

const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'
/** What a value is spelled with: unreserved characters, percent-encoding, and the marks that `encodeURIComponent` leaves alone. */
const SIMPLE: ReadonlySet<string> = new Set(`${UNRESERVED}%!'()*`)
const ALL: ReadonlySet<string> = new Set([...SIMPLE, ...':/?#[]@$&+,;='])

const OPERATORS = {
  '': { first: '', between: ',', named: false, reserved: false },
  '+': { first: '', between: ',', named: false, reserved: true },
  '#': { first: '#', between: ',', named: false, reserved: true },
  '.': { first: '.', between: '.', named: false, reserved: false },
  '/': { first: '/', between: '/', named: false, reserved: false },
  ';': { first: ';', between: ';', named: true, reserved: false },
  '?': { first: '?', between: '&', named: true, reserved: false },
  '&': { first: '&', between: '&', named: true, reserved: false },
} as const
type Operator = keyof typeof OPERATORS

/**
 * Reads a URI or a template. What could be read in two ways is refused, with a sentence for who wrote it: a policy must see the very
 * values that the server behind takes out of the URI.
 */
export function parseUriTemplate(text: string): Result<UriTemplate, string> {
  let forms: Form[] = [[]]
  const variables: { name: string; optional: boolean }[] = []
  for (const part of text.split(/(\{[^{}]*\})/)) {
    if (part.startsWith('{') && part.endsWith('}')) {
      const expression = readExpression(part.slice(1, -1))
      if (!expression.ok) return expression
      const { names, optional } = expression.value
      for (const name of names) {
        if (variables.some((known) => known.name === name) || name === 'uri')
          return err(`\`{${name}}\` can not be used twice, and not be called \`uri\``)
        variables.push({ name, optional })
      }
      forms = forms.flatMap((form) => expression.value.forms.map((more) => [...form, ...more]))
    } else forms = forms.map((form) => [...form, ...charactersOf(part)])
  }
  if (variables.length > MAX_VARIABLES || forms.length > 2 ** MAX_IN_QUERY)
    return err(`a template has at most ${MAX_VARIABLES} variables, ${MAX_IN_QUERY} of them in its query`)
  const wrong = forms.map(problemOf).find((problem) => problem !== undefined)
  return wrong === undefined ? ok({ text, variables, forms }) : err(wrong)
}

type Expression = {
  readonly names: readonly string[]
  readonly optional: boolean
  readonly forms: readonly Form[]
}

function readExpression(text: string): Result<Expression, string> {
  const operator = text.charAt(0) in OPERATORS ? (text.charAt(0) as Operator) : ''
  const names = text.slice(operator.length).split(',')
  const odd = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name))
  if (odd !== undefined)
    return err(
      `\`{${text}}\` is not understood: variables are plain names, without \`*\` or \`:n\` (RFC 6570, level 3)`,
    )
  const optional = operator === '?' || operator === '&'
  if (optional && names.length > MAX_IN_QUERY) return err(`a query has at most ${MAX_IN_QUERY} variables`)
  const chosen = optional ? subsetsOf(names) : [names]
  return ok({ names, optional, forms: chosen.map((some) => stepsOf(operator, some)) })
}

/** In the order they are written in, as RFC 6570 expands them. */
function subsetsOf(names: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = names
  if (first === undefined) return [[]]
  const others = subsetsOf(rest)
  return [...others.map((some) => [first, ...some]), ...others]
}

function stepsOf(operator: Operator, names: readonly string[]): Form {
  const { first, between, named, reserved } = OPERATORS[operator]
  return names.flatMap((name, index) => [
    ...charactersOf(`${index === 0 ? first : between}${named ? `${name}=` : ''}`),
    { variable: name, takes: reserved ? ALL : SIMPLE, reserved },
  ])
}

function charactersOf(text: string): Form {
  return [...text].map((is) => ({ is }))
}

/** Filled with the plainest values it must be a URI that is taken, and each variable must end at one place only. */
function problemOf(form: Form): string | undefined {
  const sample = form.map((step) => ('is' in step ? step.is : 'x')).join('')
  const wrong = uriProblem(sample)
  if (wrong !== undefined) return `\`${sample}\` ${wrong}`
  for (const [index, step] of form.entries()) {
    if ('is' in step) continue
    const rest = form.slice(index + 1)
    const next = rest.findIndex((each) => 'variable' in each)
    if (next >= 0 && !rest.slice(0, next).some((each) => 'is' in each && !step.takes.has(each.is)))
      return `where \`{${step.variable}}\` ends can not be told: a character that it can not hold must stand before the next variable`
  }
  return undefined
}

/**
 * Why a URI is not taken, if so. Only one spelling of each URI is: nothing is normalised here, so nothing may be left for a server behind
 * to normalise (RFC 3986 §6.2): no dot segments, no percent-encoding of what needs none or of `/`, `\` and `%`, and nothing that the
 * URL parser of browsers and servers (WHATWG) would change.
 */
export function uriProblem(uri: string): string | undefined {
  if (uri.length > MAX_URI) return `is longer than ${MAX_URI} characters`
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/.test(uri))
    return 'is no URI (RFC 3986)'
  // Some servers drop what follows a `;` before they read the dots.
  if (uri.split(/[:/?#]/).some((segment) => /^\.\.?(?:;|$)/.test(segment))) return 'has a `.` or `..` segment'
  if (uri.replaceAll(/%[0-9A-F]{2}/g, '').includes('%') || ENCODED_WRONGLY.test(uri))
    return 'has a percent-encoding that a server could read as something else'
  if (!URL.canParse(uri) || new URL(uri).href !== uri) return 'is not in its normal form'
  return undefined
}

/** Control characters, `%`, `/`, `\`, and what is never encoded. */
const ENCODED_WRONGLY = /%(?:[01][0-9A-F]|7F|2[5F]|5C|2[DE]|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E)/

/** The values of the variables, decoded, if the URI is one of this template. A URI that `uriProblem` refuses is none. */
export function matchUri({ forms }: UriTemplate, uri: string): Readonly<Record<string, string>> | undefined {
  if (uriProblem(uri) !== undefined) return undefined
  for (const form of forms) {
    const values = matchForm(form, uri)
    if (values) return values
  }
  return undefined
}

function matchForm(form: Form, uri: string): Readonly<Record<string, string>> | undefined {
  const values: Record<string, string> = {}
  let at = 0
  for (const [index, step] of form.entries()) {
    if ('is' in step) {
      if (uri[at] !== step.is) return undefined
      at += 1
      continue
    }
    const end = endOf(step.takes, form.slice(index + 1), uri, at)
    const value = end > at ? decodedValue(uri.slice(at, end), step.reserved) : undefined
    if (value === undefined) return undefined
    values[step.variable] = value
    at = end
  }
  return at === uri.length ? values : undefined
}

/** As far as the variable's characters reach, less those that the text after it takes: one place only (see `problemOf`). */
function endOf(takes: ReadonlySet<string>, after: Form, uri: string, from: number): number {
  let end = from
  while (end < uri.length && takes.has(uri[end] ?? '')) end += 1
  const own = after.findIndex((step) => !('is' in step && takes.has(step.is)))
  return end - (own < 0 ? after.length : own)
}

/** Decoded, where the spelling is the one that this value has; a path inside a value has no empty segment. */
function decodedValue(raw: string, reserved: boolean): string | undefined {
  try {
    const value = reserved ? decodeURI(raw) : decodeURIComponent(raw)
    const spelled = reserved ? encodeURI(value) : encodeURIComponent(value)
    if (spelled !== raw || (reserved && (value.startsWith('/') || value.includes('//')))) return undefined
    return value
  } catch {
    // Percent-encoded octets that are no UTF-8: not the spelling of any text.
    return undefined
  }
}

/** The URIs of a template in which some variables have these values; nothing if one of them has no spelling that is taken. */
export function fillTemplate(
  template: UriTemplate,
  values: Readonly<Record<string, string>>,
): UriTemplate | undefined {
  const given = template.variables.filter(({ name }) => Object.hasOwn(values, name))
  const forms = template.forms
    .filter((form) =>
      given.every(({ name }) => form.some((step) => 'variable' in step && step.variable === name)),
    )
    .map((form) => form.flatMap((step) => fillStep(step, values)))
  if (forms.flat().some((step) => step === undefined)) return undefined
  const variables = template.variables.filter((each) => !given.includes(each))
  return { text: template.text, variables, forms: forms as Form[] }
}

function fillStep(step: Step, values: Readonly<Record<string, string>>): readonly (Step | undefined)[] {
  if ('is' in step || !Object.hasOwn(values, step.variable)) return [step]
  const value = values[step.variable] ?? ''
  if (value === '' || !value.isWellFormed()) return [undefined]
  const spelled = step.reserved ? encodeURI(value) : encodeURIComponent(value)
  return decodedValue(spelled, step.reserved) === value ? charactersOf(spelled) : [undefined]
}

/** One URI of a template, the shortest, with the same text for each variable. */
export function sampleUri({ forms }: UriTemplate, filler: string): string {
  const uris = forms.map((form) => form.map((step) => ('is' in step ? step.is : filler)).join(''))
  return uris.reduce((shortest, uri) => (uri.length < shortest.length ? uri : shortest))
}

/** Whether every URI of the second is one of the first too. May say no where only taking several forms together would show it. */
export function covers(wide: UriTemplate, narrow: UriTemplate): boolean {
  return narrow.forms.every((form) => wide.forms.some((other) => walk(form, other) === 'covered'))
}

/** Whether some URI is one of both. */
export function overlap(one: UriTemplate, other: UriTemplate): boolean {
  return one.forms.some((form) => other.forms.some((against) => walk(form, against) !== 'apart'))
}

type Places = readonly number[]

/**
 * Reads both forms side by side, over every URI of the first: `covered` if all are URIs of the second, `overlapping` if some are, else
 * `apart`. A place 2n stands before step n, 2n + 1 inside the variable of step n.
 */
function walk(form: Form, other: Form): 'covered' | 'overlapping' | 'apart' {
  let met = false
  let missed = false
  const open: (readonly [Places, Places])[] = [[[0], [0]]]
  const seen = new Set<string>()
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [here, there] = pair
    const whole = isAtEnd(form, here)
    const both = whole && isAtEnd(other, there)
    met ||= both
    missed ||= there.length === 0 || (whole && !both)
    if (met && missed) return 'overlapping'
    if (there.length === 0) continue
    for (const character of ALL) {
      const next: readonly [Places, Places] = [
        advance(form, here, character),
        advance(other, there, character),
      ]
      const key = `${next[0].join()}|${next[1].join()}`
      if (next[0].length === 0 || seen.has(key)) continue
      seen.add(key)
      open.push(next)
    }
  }
  return met ? 'covered' : 'apart'
}

function isAtEnd(form: Form, places: Places): boolean {
  const last = form.at(-1)
  const inside = last !== undefined && 'variable' in last
  return places.some((place) => place === form.length * 2 || (inside && place === form.length * 2 - 1))
}

function advance(form: Form, places: Places, character: string): Places {
  const next = new Set<number>()
  for (const place of places) {
    const index = place >> 1
    const step = form[index]
    if (step === undefined) continue
    if ('is' in step) {
      if (step.is === character) next.add(place + 2)
      continue
    }
    if (step.takes.has(character)) next.add(index * 2 + 1)
    // Inside a variable the text after it may begin as well.
    if (place % 2 === 1) for (const after of advance(form, [(index + 1) * 2], character)) next.add(after)
  }
  return [...next].sort((a, b) => a - b)
}
