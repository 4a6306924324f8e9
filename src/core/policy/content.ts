import { z } from 'zod'
import type { InputSchema } from './tool.ts'
import { covers, matchUri, overlap, parseUriTemplate, type UriTemplate } from './uri-template.ts'

/**
 * What can be read under a URI, or under the URIs of a template, at a server behind (MCP calls it a resource). It becomes the tool
 * `content:<name>`.
 */
export const contentSchema = z.strictObject({
  uri: z.string().superRefine((text, { addIssue }) => {
    const read = parseUriTemplate(text)
    if (!read.ok) addIssue(read.error)
  }),
  hint: z.enum(['read', 'write']).default('read'),
  description: z.string().max(500).optional(),
})

type Declared = Readonly<Record<string, z.infer<typeof contentSchema>>>

/** A declared content: the tool that stands for it, and its URIs. */
export type Content = { readonly tool: string; readonly template: UriTemplate }

export function contentTool(name: string): string {
  return `content:${name}`
}

/** The declared contents, the more specific before those that cover it. */
export function contentsOf(declared: Declared): readonly Content[] {
  const contents = Object.entries(declared).flatMap(([name, { uri }]): readonly Content[] => {
    const template = parseUriTemplate(uri)
    return template.ok ? [{ tool: contentTool(name), template: template.value }] : []
  })
  const within = (content: Content) =>
    contents.filter(({ template }) => template !== content.template && covers(template, content.template))
      .length
  const ranked = contents.map((content) => ({ content, within: within(content) }))
  return ranked.sort((a, b) => b.within - a.within).map(({ content }) => content)
}

/** Two names whose URIs meet, where neither covers the other, or both do: of their URIs none could be said to be more specific. */
export function indistinct(declared: Declared): readonly [string, string] | undefined {
  const all = Object.entries(declared).flatMap(([name, { uri }]) => {
    const template = parseUriTemplate(uri)
    return template.ok ? [{ name, template: template.value }] : []
  })
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) {
      if (!overlap(one.template, other.template)) continue
      if (covers(one.template, other.template) === covers(other.template, one.template))
        return [one.name, other.name]
    }
  }
  return undefined
}

/** What policy sees of a reading: the URI as it was asked for, and the variables of its template. */
export function contentInput(template: UriTemplate): InputSchema {
  const text = { type: 'string' } as const
  return {
    type: 'object',
    properties: { uri: text, ...Object.fromEntries(template.variables.map(({ name }) => [name, text])) },
    required: ['uri', ...template.variables.flatMap(({ name, optional }) => (optional ? [] : [name]))],
  }
}

export type AskedContent = { readonly tool: string; readonly input: Readonly<Record<string, string>> }

/** The content that a URI is of: the most specific that is declared. None where the URI could be read in two ways. */
export function contentAt(contents: readonly Content[], uri: string): AskedContent | undefined {
  for (const { tool, template } of contents) {
    const values = matchUri(template, uri)
    if (values) return { tool, input: { uri, ...values } }
  }
  return undefined
}

/** The most specific content that every URI of a template of the server behind is of. */
export function contentOver(contents: readonly Content[], template: string): string | undefined {
  const read = parseUriTemplate(template)
  return read.ok ? contents.find((content) => covers(content.template, read.value))?.tool : undefined
}
