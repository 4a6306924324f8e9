import type { InputSchema, Tool } from './tool.ts'

/** The resource that every tenant has for enforcement points that ask by the AuthZEN API, and the type in its URI. */
export const AUTHZEN_RESOURCE = 'authzen'

const input: InputSchema = {
  type: 'object',
  properties: { resource: { type: 'string' }, action: { type: 'string' }, subject: { type: 'string' } },
  required: ['resource', 'action', 'subject'],
}

/**
 * Asking is a call like any other, so that policy says who may ask about what: `context.input` has the `resource`, the `action` and
 * the type of the `subject` that are asked about. `evaluate` asks for decisions, `search` for lists; who may `vouch` is believed when
 * it says that another agent is acting.
 */
export const AUTHZEN_TOOLS: readonly Tool[] = ['evaluate', 'search', 'vouch'].map((name) => ({
  name,
  action: `${AUTHZEN_RESOURCE}/${name}`,
  hint: 'read',
  input,
}))
