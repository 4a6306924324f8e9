/** What the worker is asked, one at a time. Values cross as JSON text, so that no integer loses a digit. */
export type Question =
  | { readonly ask: 'parse'; readonly texts: readonly string[] }
  | { readonly ask: 'validate'; readonly schema: string; readonly policies: Readonly<Record<string, string>> }
  | { readonly ask: 'format'; readonly text: string }
  | { readonly ask: 'authorize'; readonly call: string }
  | { readonly ask: 'schema'; readonly text: string }

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
