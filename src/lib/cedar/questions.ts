/** What the worker is asked, one at a time. Values cross as JSON text, so that no integer loses a digit. */
export type Question =
  | {
      readonly ask: 'parse'
      readonly texts: readonly { readonly text: string; readonly template: boolean }[]
    }
  | {
      readonly ask: 'validate'
      readonly schema: string
      readonly policies: Readonly<Record<string, string>>
      readonly templates: Readonly<Record<string, string>>
      readonly links: readonly TemplateLink[]
    }
  | { readonly ask: 'format'; readonly text: string }
  | { readonly ask: 'authorize'; readonly call: string }
  | { readonly ask: 'schema'; readonly text: string }

/** A policy made of a template, as cedar-wasm takes it. */
export type TemplateLink = {
  readonly templateId: string
  readonly newId: string
  readonly values: Readonly<Record<string, { readonly type: string; readonly id: string }>>
}

/** Values of a template's slots, by the part of the scope that each is for. */
export type SlotValues = Readonly<
  Partial<Record<'principal' | 'resource', { readonly type: string; readonly id: string }>>
>

/** The same as cedar-wasm names them. */
export function slotValues({ principal, resource }: SlotValues): TemplateLink['values'] {
  return {
    ...(principal === undefined ? {} : { '?principal': { type: principal.type, id: principal.id } }),
    ...(resource === undefined ? {} : { '?resource': { type: resource.type, id: resource.id } }),
  }
}

/** The JSON text that cedar-wasm answered (one per text for `parse`), or that it threw, and is not to be used again. */
export type Answer = { readonly texts: readonly string[] } | { readonly crashed: string }

/** A `DetailedError` of cedar-wasm; offsets are bytes of the UTF-8 text. */
export type WasmError = {
  readonly message: string
  readonly help: string | null
  readonly severity: string | null
  readonly sourceLocations?: readonly {
    readonly label: string | null
    readonly start: number
    readonly end: number
  }[]
  readonly related?: readonly WasmError[]
}
