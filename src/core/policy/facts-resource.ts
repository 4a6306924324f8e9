import type { InputSchema, Tool } from './tool.ts'

/** The resource that every tenant has for reporting posture facts. */
export const FACTS_RESOURCE = 'facts'

const input: InputSchema = {
  type: 'object',
  properties: { subject: { type: 'string' }, says: { type: 'string' } },
  required: ['subject', 'says'],
}

/** Reporting a fact is a call like any other, so that policy says which workload may report. */
export const FACTS_TOOLS: readonly Tool[] = [
  { name: 'report', action: `${FACTS_RESOURCE}/report`, hint: 'write', input },
]

/** The name of a reported fact's document: what it is about (a Link) and who said it, so that a newer one replaces it. */
export function factName(subject: string, source: string): string {
  return `${subject}/${source}`
}
