import { z } from 'zod'
import { type Refusal, refuse } from '../refusal.ts'
import { err, ok, type Result } from '../result.ts'
import { asksForSecret } from './secret-field.ts'

const host = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?$/, {
  error: 'a host is written in lower case, with a port where it is not 443, and nothing else',
})

/**
 * What the server behind may ask of the client of whoever calls (MCP): its model (`sampling`), a form that its user fills in
 * (`elicitation`), a page that its user opens, on one of these hosts (`elicitation_url`), the folders it works in (`roots`).
 */
export const asksSchema = z.strictObject({
  sampling: z.boolean().default(false),
  elicitation: z.boolean().default(false),
  elicitation_url: z.array(host).max(64).default([]),
  roots: z.boolean().default(false),
})
export type Asks = z.infer<typeof asksSchema>

export const ASKS_NOTHING: Asks = { sampling: false, elicitation: false, elicitation_url: [], roots: false }

type Params = Readonly<Record<string, unknown>>
/** One thing that a server behind asks for, as it stands in its message. */
export type Ask = { readonly method: string; readonly params: Params }

/** The params to pass on, or why it may not be asked. Never for what isn't listed here: a method that is unknown can't be judged. */
export function judgeAsk(asks: Asks, { method, params }: Ask): Result<Params, Refusal> {
  switch (method) {
    case 'sampling/createMessage':
      return asks.sampling ? ok(withoutContext(params)) : undeclared('to use the model of the client')
    case 'roots/list':
      return asks.roots ? ok(params) : undeclared('which folders the client works in')
    case 'elicitation/create':
      return judgeElicitation(asks, params)
    default:
      return undeclared('this of the client')
  }
}

/** What other servers told the client is not this server's to see. */
function withoutContext({ includeContext: _context, ...rest }: Params): Params {
  return rest
}

function judgeElicitation(asks: Asks, params: Params): Result<Params, Refusal> {
  const { mode = 'form' } = params
  if (mode === 'url') return judgeUrl(asks, params)
  if (mode !== 'form') return err(MALFORMED)
  if (!asks.elicitation) return undeclared('the user to fill in a form')
  const secret = asksForSecret(params['message'], params['requestedSchema'])
  return secret === undefined ? ok(params) : err(forSecret(secret))
}

/** The page must be of a listed host, over https, and the URL must not carry a login. */
function judgeUrl(asks: Asks, params: Params): Result<Params, Refusal> {
  if (asks.elicitation_url.length === 0) return undeclared('the user to open a page')
  const url = typeof params['url'] === 'string' ? URL.parse(params['url']) : null
  if (!url) return err(MALFORMED)
  const listed = url.protocol === 'https:' && asks.elicitation_url.includes(url.host)
  return listed && url.username === '' && url.password === '' ? ok(params) : err(elsewhere(url.host))
}

function undeclared(what: string): Result<never, Refusal> {
  const says = `The server behind may not ask ${what}; its resource does not declare it under \`asks\`.`
  return err(refuse('denied', 'asks.undeclared', says))
}

const MALFORMED = refuse(
  'denied',
  'asks.malformed',
  'The server behind asked for something that can not be read.',
)

function elsewhere(host: string): Refusal {
  const says =
    'The server behind may not send the user to that page; only https pages of hosts that are listed.'
  return refuse('denied', 'asks.host', says, { host })
}

function forSecret(field: string): Refusal {
  const says =
    'The server behind may not ask for a password, key or token in a form: what is typed there passes through the client and its model.'
  return refuse('denied', 'asks.secret', says, { field })
}
