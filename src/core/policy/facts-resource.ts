import { HIGHEST, type Label } from './label.ts'
import type { InputSchema, Tool } from './tool.ts'

/**
 * The resource that every tenant has without declaring it: reporting a posture fact is a call like any other, so that policy says
 * which workload may report. It answers agents that act for nobody.
 */
export type FactsResource = {
  readonly resource: 'facts'
  readonly type: 'facts'
  readonly labels: readonly Label[]
  readonly clearance: Label
  readonly alone: true
  readonly data: 'none'
  readonly staleness?: never
  readonly credential?: never
}

const input: InputSchema = {
  type: 'object',
  properties: { subject: { type: 'string' }, says: { type: 'string' } },
  required: ['subject', 'says'],
}
const report: Tool = { name: 'report', action: 'facts/report', hint: 'write', input }

export const FACTS_RESOURCE = 'facts'

export const FACTS: {
  readonly resource: FactsResource
  readonly tools: ReadonlyMap<string, Tool>
} = {
  resource: { resource: 'facts', type: 'facts', labels: [], clearance: HIGHEST, alone: true, data: 'none' },
  tools: new Map([[report.name, report]]),
}

/** The name of a reported fact's document: what it is about (a Link) and who said it, so that a newer one replaces it. */
export function factName(subject: string, source: string): string {
  return `${subject}/${source}`
}
