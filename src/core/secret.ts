import { inspect } from 'node:util'

const hidden = new WeakMap<Secret, string>()

/** A value that prints as nothing: in strings, JSON, template literals and `util.inspect`. */
export class Secret {
  constructor(value: string) {
    hidden.set(this, value)
    Object.freeze(this)
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
  [inspect.custom](): string {
    return '[secret]'
  }
}

/** The one way to the value; grep for it to see every place where a secret leaves its type. */
export function reveal(secret: Secret): string {
  return hidden.get(secret) ?? ''
}
