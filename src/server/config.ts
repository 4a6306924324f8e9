import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { durationSchema, nameSchema } from '../core/identity/name.ts'
import { didYouMean } from '../flows/configuration/problem.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * An origin as it is published: scheme, host and port, no path and no slash at the end. Plain http is for this machine alone: elsewhere
 * tokens would travel in the clear.
 */
const originSchema = z.string().superRefine((text, context) => {
  const message = originMistake(text)
  if (message) context.addIssue({ code: 'custom', message })
})

function originMistake(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || url.origin !== text || !/^https?:$/.test(url.protocol))
    return 'an origin is scheme, host and port, such as https://countersign.example'
  if (url.protocol === 'https:' || LOOPBACK.test(url.hostname)) return undefined
  return 'plain http is for loopback addresses only; use https'
}

const listenSchema = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[0-9a-zA-Z.-]+):\d{1,5}$/, { error: 'an address to listen on is host:port' })
const tlsSchema = z.strictObject({ certificate: z.string(), key: z.string() })
const hostPort = z.string().regex(/^.+:\d{1,5}$/, { error: 'host:port' })

/** One decided call in so many is asked of Cedar's own engine again, later. */
const askAgainSchema = z.int().min(1).max(1_000_000_000).default(10_000)

const adminsSchema = z.strictObject({
  issuer: z.url(),
  audience: z.string().min(1),
  /** `sub` of each person who may administrate. */
  subjects: z.array(z.string().min(1)).min(1),
  jwks_uri: z.url().optional(),
  ca: z.string().optional(),
  allow_private: z.array(hostPort).default([]),
})

/** How a role's door is shared between tenants, so that the flood of one delays only its own requests. */
const limitsSchema = z.strictObject({
  /** Requests that are worked on at once while one tenant asks; several tenants share half of it. */
  concurrent: z.int().min(4).max(4_096).default(64),
  /** Requests of one tenant that wait for their turn; further ones get 429. */
  queue: z.int().min(1).max(65_536).default(256),
  /** How long one waits for its turn before it gets 429. */
  wait: durationSchema.default('2s'),
  /** Connections that are open at once. */
  connections: z.int().min(16).max(1_000_000).default(16_384),
})
const limits = limitsSchema.prefault({})
/** What stands for a `limits` that is left out. */
export const DEFAULT_LIMITS = limitsSchema.parse({})

/** How much of one tenant's may be on its way to one resource, so that a server that doesn't answer holds up that alone. */
const upstreamsSchema = z.strictObject({
  /** Connections for calls. */
  connections: z.int().min(1).max(4_096).default(64),
  /** Calls that wait for one; further ones are refused. */
  queue: z.int().min(0).max(65_536).default(256),
  /** How long one waits. */
  wait: durationSchema.default('5s'),
  /** How long the server behind may take to begin its answer, or between two parts of it. */
  timeout: durationSchema.default('60s'),
})

const authoritySchema = z.strictObject({
  listen: listenSchema,
  tls: tlsSchema.optional(),
  /** The origin of issuers; never taken from a request. */
  origin: originSchema,
  /** The one origin that all gateways share; resource URIs start with it. */
  gateway_origin: originSchema,
  /** Keys, the admin socket and the embedded database live here; 0700. */
  folder: z.string().min(1),
  /** PostgreSQL to use instead of the embedded one. */
  database_url: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Signing keys; default `<folder>/keys`. Keep it out of the database's backups. */
  keys: z.string().optional(),
  /** Name in the checkpoints of the audit log. */
  log_name: z.string().regex(/^[a-z0-9./-]{1,80}$/),
  /** How old the authority's view of the database may be before it mints nothing. */
  staleness: durationSchema.default('5s'),
  ask_again: askAgainSchema,
  /** Private `host:port`s that documents may name too (their own `allow_private`): both must list one, or it isn't fetched. */
  allow_private: z.array(hostPort).default([]),
  /** Credentials that attestors may use by name, each in a file: such as the one for Kubernetes TokenReview. */
  secrets: z.record(nameSchema, z.string()).default({}),
  /**
   * Keys that wrap the tenants' own, by which held secrets are sealed: files, or `env:NAME`. The first wraps; the others open what they
   * wrapped. Without any, one is made in the folder of the keys.
   */
  sealing_keys: z.array(z.string().min(1)).min(1).max(8).optional(),
  admins: adminsSchema.optional(),
  limits,
})

const gatewaySchema = z.strictObject({
  listen: listenSchema,
  tls: tlsSchema.optional(),
  /** This instance's name in messages and acknowledgements. */
  instance: nameSchema,
  /** The public origin that all gateways share. */
  origin: originSchema,
  authority: originSchema,
  /** CA bundle that the authority's certificate must chain to; required for https. */
  authority_ca: z.string().optional(),
  /** File with this workload's evidence; read anew each time, since files rotate. */
  evidence: z.string().min(1),
  /** The Journal's folder; 0700. */
  journal: z.string().min(1),
  /** Origins of sites whose scripts may call MCP servers here, each with a token of its own. */
  origins: z.array(originSchema).max(100).default([]),
  /** Refuse once the oldest record that the authority hasn't taken is older than this. */
  unshipped: durationSchema.default('30s'),
  ask_again: askAgainSchema,
  limits,
  upstreams: upstreamsSchema.prefault({}),
})

/** What stands for what is left out of `gateway:`. */
export const GATEWAY_DEFAULTS = gatewaySchema.pick({ limits: true, upstreams: true, origins: true }).parse({})

/** The whole of a server configuration file. */
export const serverSchema = z
  .strictObject({ authority: authoritySchema.optional(), gateway: gatewaySchema.optional() })
  .refine((config) => config.authority ?? config.gateway, {
    error: 'says neither `authority:` nor `gateway:`: nothing to run',
  })

/** The `authority:` part, with its defaults. */
export type AuthorityConfig = z.infer<typeof authoritySchema>
/** The `gateway:` part, with its defaults. */
export type GatewayConfig = z.infer<typeof gatewaySchema>
/** A whole configuration; at least one part is there. */
export type ServerConfig = z.infer<typeof serverSchema>
/** How a door is shared. */
export type LimitsConfig = z.infer<typeof limitsSchema>
/** How much may be on its way to servers behind. */
export type UpstreamsConfig = z.infer<typeof upstreamsSchema>
/** PEM files. */
export type TlsFiles = z.infer<typeof tlsSchema>

/** The start is refused: what is wrong in the server's own configuration, one line each, with the key's name. */
export class BadConfig extends Error {
  readonly reason = 'config.invalid'
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }
}

const KEYS = [
  ...Object.keys(authoritySchema.shape),
  ...Object.keys(gatewaySchema.shape),
  'authority',
  'gateway',
]

function lineOf(issue: z.core.$ZodIssue): readonly string[] {
  const at = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const { hint } = didYouMean(key, KEYS)
      return `${[at, key].filter(Boolean).join('.')}: unknown key${hint ? `, ${hint}` : ''}`
    })
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined
  return [`${at || 'configuration'}: ${missing ? 'is missing' : issue.message}`]
}

/** What each key may say alone, but not together with another. */
function contradictions({ authority, gateway }: ServerConfig): readonly string[] {
  const wrong: string[] = []
  if (gateway?.authority.startsWith('https:') && !gateway.authority_ca)
    wrong.push('gateway.authority_ca: is missing; a gateway pins its authority by a CA bundle')
  if (authority?.tls && !authority.origin.startsWith('https:'))
    wrong.push('authority.origin: must be https, since authority.tls serves https')
  if (gateway?.tls && !gateway.origin.startsWith('https:'))
    wrong.push('gateway.origin: must be https, since gateway.tls serves https')
  if (!authority || !gateway) return wrong
  if (gateway.authority !== authority.origin)
    wrong.push('gateway.authority: must be authority.origin, since both run here')
  if (gateway.origin !== authority.gateway_origin)
    wrong.push('gateway.origin: must be authority.gateway_origin, since both run here')
  return wrong
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    // A system's error has a code in capitals; a YAML error says its place in its first line. Neither quotes the whole file.
    const [why] = error instanceof Error ? error.message.split('\n') : []
    throw new BadConfig([`${path}: can't be read: ${why?.replace(/:$/, '')}`])
  }
}

/** Reads and checks the server's configuration; paths are relative to its file. Throws BadConfig. */
export function readServerConfig(path: string): ServerConfig {
  const raw = readYaml(path) ?? {}
  const parsed = serverSchema.safeParse(raw, { reportInput: true })
  if (!parsed.success) throw new BadConfig(parsed.error.issues.flatMap(lineOf))
  const wrong = contradictions(parsed.data)
  if (wrong.length > 0) throw new BadConfig(wrong)
  const at = (each: string) => resolve(dirname(path), each)
  const { authority, gateway } = parsed.data
  return {
    ...(authority ? { authority: authorityPaths(authority, at) } : {}),
    ...(gateway ? { gateway: gatewayPaths(gateway, at) } : {}),
  }
}

type At = (path: string) => string

function authorityPaths(authority: AuthorityConfig, at: At): AuthorityConfig {
  const secrets = Object.entries(authority.secrets).map(([name, file]) => [name, at(file)] as const)
  return {
    ...authority,
    ...tlsPaths(authority.tls, at),
    folder: at(authority.folder),
    secrets: Object.fromEntries(secrets),
    ...(authority.sealing_keys ? { sealing_keys: authority.sealing_keys.map(sealingKeyAt(at)) } : {}),
    ...(authority.keys ? { keys: at(authority.keys) } : {}),
  }
}

/** `env:NAME` is no path. */
function sealingKeyAt(at: At): At {
  return (key) => (key.startsWith('env:') ? key : at(key))
}

function gatewayPaths(gateway: GatewayConfig, at: At): GatewayConfig {
  return {
    ...gateway,
    ...tlsPaths(gateway.tls, at),
    evidence: at(gateway.evidence),
    journal: at(gateway.journal),
    ...(gateway.authority_ca ? { authority_ca: at(gateway.authority_ca) } : {}),
  }
}

function tlsPaths(tls: TlsFiles | undefined, at: At): { readonly tls?: TlsFiles } {
  return tls ? { tls: { certificate: at(tls.certificate), key: at(tls.key) } } : {}
}
