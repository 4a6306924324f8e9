import { z } from 'zod'

/** How sensitive a resource or a tool's result is. Sessions collect labels; they only rise. In this order, lowest first. */
export const labelSchema = z.enum(['public', 'internal', 'confidential'])
export type Label = z.infer<typeof labelSchema>

export const LABELS: readonly Label[] = labelSchema.options
/** What takes this takes everything. */
export const HIGHEST: Label = 'confidential'

export function isAbove(label: Label, other: Label): boolean {
  return LABELS.indexOf(label) > LABELS.indexOf(other)
}

/** The most sensitive of them; what says nothing is `public`. */
export function highestOf(labels: readonly Label[]): Label {
  return labels.reduce<Label>((most, each) => (isAbove(each, most) ? each : most), 'public')
}

/** What a resource says of its data: how sensitive its answers are, and how sensitive what flows into it may be. */
type Labelled = { readonly labels: readonly Label[]; readonly clearance: Label }

/** Not everything may flow into it, so whoever calls it must be asked about anew each time. */
export function isSink({ clearance }: Pick<Labelled, 'clearance'>): boolean {
  return isAbove(HIGHEST, clearance)
}

/** Whether a session leaves a mark by what it reads here. */
export function raises({ labels }: Pick<Labelled, 'labels'>): boolean {
  return isAbove(highestOf(labels), 'public')
}
