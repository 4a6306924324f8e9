import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { type Refusal, refuse } from '../refusal.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import type { Json } from './access-request.ts'
import type { Tool } from './tool.ts'

/** The most characters of one definition as canonical JSON. A longer one is not kept, so its tool is neither shown nor called. */
export const MOST_DEFINITION = 65_536

/** base64url of the SHA-256 of `text`, the definition as canonical JSON (RFC 8785). `at` in milliseconds since 1970. */
const seenSchema = z.strictObject({
  sha256: z.string().length(43),
  at: z.int().nonnegative(),
  text: z.string().max(MOST_DEFINITION),
})

/**
 * What a server behind says of one of its tools, all that a model is shown: what was accepted of it, and what came instead and waits for a
 * person. A document of the registry named as the tool's action, `<resource>/<tool>`, so that every authority and gateway keeps to it; only
 * an authority writes one. Gateways are not sent the texts.
 */
export const definitionSchema = z.strictObject({
  definition: z.string().min(3).max(200),
  accepted: seenSchema.extend({ by: z.enum(['first-seen', 'person']) }).optional(),
  waiting: seenSchema.optional(),
})
export type Definition = z.infer<typeof definitionSchema>
export type SeenDefinition = z.infer<typeof seenSchema>

/** Whether the first definition that is seen of a tool counts, or only what a person has accepted. */
export const definitionsModeSchema = z.enum(['first-seen', 'accepted-only'])
export type DefinitionsMode = z.infer<typeof definitionsModeSchema>

/** A definition as it is compared: canonical JSON (RFC 8785) and its SHA-256. Nothing when it is too long to be kept. */
export function canonicalDefinition(
  definition: Json,
): { readonly sha256: string; readonly text: string } | undefined {
  const text = canonicalize(definition)
  if (text === undefined || text.length > MOST_DEFINITION || !text.isWellFormed()) return undefined
  return { text, sha256: hash('sha256', text, 'base64url') }
}

/** Whether that is a tool as `tools/list` lists it. Prompts and contents, `prompt:greet`, are judged like tools and listed elsewhere. */
export function hasDefinition(tool: string): boolean {
  return !tool.includes(':')
}

/**
 * Why a tool may not be shown or used although policy allows it: its definition is not the one that was accepted. A tool of which nothing
 * was seen yet passes where the first one counts; the gateway looks at it before it forwards anything.
 */
export function unpinned(
  { definitions }: TenantSnapshot,
  resource: { readonly definitions?: DefinitionsMode | undefined },
  { name, action }: Tool,
): Refusal | undefined {
  if (!hasDefinition(name)) return undefined
  const known = definitions.get(action)
  if (known?.accepted && known.waiting) return changed(action)
  const mustBeAccepted = known?.waiting !== undefined || resource.definitions === 'accepted-only'
  return known?.accepted === undefined && mustBeAccepted ? unaccepted(action) : undefined
}

/** The same words for a change that everybody knows of and for one that was seen just now. */
export function changed(action: string): Refusal {
  const says = `What the server behind says of \`${action}\` has changed since it was accepted, so it is not used; an administrator must look at the difference (\`countersign definitions diff ${action}\`).`
  return refuse('denied', 'definition.changed', says, { tool: action })
}

export function unaccepted(action: string): Refusal {
  const says = `Nobody has accepted yet what the server behind says of \`${action}\`; an administrator must look at it (\`countersign definitions show ${action}\`).`
  return refuse('denied', 'definition.unaccepted', says, { tool: action })
}
