/** What a page must say of a key: its path, and `required`, `none` (may be left out) or the value it has then. */
export type Key = { readonly path: string; readonly fallback: string }

type Def = {
  readonly type: string
  readonly innerType?: unknown
  readonly defaultValue?: unknown
  readonly shape?: Readonly<Record<string, unknown>>
  readonly valueType?: unknown
  readonly element?: unknown
  readonly catchall?: unknown
  readonly options?: readonly unknown[]
  readonly in?: unknown
}

/** zod keeps what a schema is made of under `_zod.def`. */
function defOf(schema: unknown): Def {
  return (schema as { readonly _zod: { readonly def: Def } })._zod.def
}

type Opened = { readonly def: Def; readonly fallback: string }

/** Takes off what says that a key may be left out. */
function open(schema: unknown): Opened {
  const def = defOf(schema)
  if (def.type === 'optional') return { def: open(def.innerType).def, fallback: 'none' }
  if (def.type === 'default' || def.type === 'prefault') {
    const value = def.defaultValue
    return {
      def: open(def.innerType).def,
      fallback: typeof value === 'string' ? value : JSON.stringify(value),
    }
  }
  return def.type === 'pipe' ? { def: open(def.in).def, fallback: 'required' } : { def, fallback: 'required' }
}

/** Every key of a zod schema, nested ones with their path: `tools.*.hint` for what a record holds, `is.*` for keys left open. */
export function keysOf(schema: unknown, under = ''): readonly Key[] {
  const { def } = open(schema)
  if (def.type === 'record') return inner(def.valueType, `${under}*.`)
  if (def.type === 'array') return inner(def.element, `${under}[].`)
  const own = Object.entries(def.shape ?? {}).flatMap(([name, value]) => {
    const { fallback } = open(value)
    const path = `${under}${name}`
    return [{ path, fallback }, ...keysOf(value, `${path}.`)]
  })
  const rest =
    def.catchall && defOf(def.catchall).type !== 'never' ? [{ path: `${under}*`, fallback: 'none' }] : []
  return [...own, ...rest]
}

/** A list or a map of plain values is described where it stands; one of objects has keys of its own. */
function inner(schema: unknown, under: string): readonly Key[] {
  return open(schema).def.type === 'object' ? keysOf(schema, under) : []
}

/** The alternatives of a discriminated union by the value of their discriminator; one alternative under `''` for any other schema. */
export function alternatives(schema: unknown, discriminator: string): ReadonlyMap<string, unknown> {
  const def = defOf(schema)
  if (def.type !== 'union') return new Map([['', schema]])
  return new Map(
    (def.options ?? []).map((option) => {
      const literal = defOf(defOf(option).shape?.[discriminator]) as Def & {
        readonly values?: readonly string[]
      }
      return [String(literal.values?.[0]), option]
    }),
  )
}
