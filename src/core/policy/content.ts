import { z } from 'zod'
import type { InputSchema } from './tool.ts'
import {
  covers,
  fillTemplate,
  matchUri,
  overlap,
  parseUriTemplate,
  sampleUri,
  type UriTemplate,
} from './uri-template.ts'

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
  for (const content of contents) {
    const input = inputOf(content, uri)
    if (input) return { tool: content.tool, input }
  }
  return undefined
}

/** The most specific content that every URI of a template of the server behind is of. */
export function contentOver(contents: readonly Content[], template: string): string | undefined {
  return contentWith(contents, template, {})?.tool
}

/**
 * The same where some variables have a value already, with what is known by that of the input. The names of its variables are the server's
 * own, so what a declared one comes to is read off the URIs.
 */
export function contentWith(
  contents: readonly Content[],
  template: string,
  values: Readonly<Record<string, string>>,
): AskedContent | undefined {
  const read = parseUriTemplate(template)
  const filled = read.ok ? fillTemplate(read.value, values) : undefined
  if (filled === undefined || filled.forms.length === 0) return undefined
  const content = contents.find((each) => covers(each.template, filled))
  if (content === undefined) return undefined
  const [one, other] = ['x', 'y'].map((filler) => inputOf(content, sampleUri(filled, filler)))
  if (one === undefined || other === undefined) return undefined
  // What differs between two of its URIs is what isn't known yet.
  const known = Object.entries(one).filter(([name, value]) => other[name] === value)
  return { tool: content.tool, input: Object.fromEntries(known) }
}

function inputOf({ template }: Content, uri: string): AskedContent['input'] | undefined {
  const values = matchUri(template, uri)
  return values && { uri, ...values }
}
