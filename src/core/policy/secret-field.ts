/**
 * Words that name a secret, each as the words it is made of. Looked for in a field's name, title and description, however it is written
 * (`apiKey`, `api_key`, "API key"). Only the singular of `token`: `maxTokens` is a count.
 */
const SECRETS: readonly string[] = [
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'passcode',
  'secret',
  'token',
  'credential',
  'credentials',
  'apikey',
  'api key',
  'private key',
  'secret key',
  'access key',
  'signing key',
  'seed phrase',
  'recovery phrase',
  'recovery code',
  'card number',
]
/** Secrets that are numbers, which a field of any type can hold. */
const CODES: readonly string[] = ['pin', 'otp', 'totp', 'cvv', 'cvc', 'one time code', 'verification code']
/** In the message above a form, where more is said than what to type. */
const PLAIN: readonly string[] = [
  'password',
  'passphrase',
  'api key',
  'apikey',
  'private key',
  'secret key',
  'access token',
]

type Field = Readonly<Record<string, unknown>>

/**
 * The field of a form that looks as if a secret should be typed into it, if there is one; `message` where the form's own text asks for
 * one and there is a field to type it into. It goes by words, and errs towards saying so: a form is no place for secrets, and a server
 * that means another thing can call it otherwise.
 */
export function asksForSecret(message: unknown, schema: unknown): string | undefined {
  const fields = Object.entries(isField(schema) && isField(schema['properties']) ? schema['properties'] : {})
  for (const [name, field] of fields) {
    if (!isField(field)) return name
    const said = wordsOf([name, field['title'], field['description']])
    if (field['format'] === 'password' || names(said, CODES)) return name
    if (isFree(field) && names(said, SECRETS)) return name
  }
  const typed = fields.some(([, field]) => isField(field) && isFree(field))
  return typed && names(wordsOf([message]), PLAIN) ? 'message' : undefined
}

/** A text of the user's own, not one of a few that are given. */
function isFree(field: Field): boolean {
  return field['type'] === 'string' && !Array.isArray(field['enum']) && !Array.isArray(field['oneOf'])
}

/** The texts as words in lower case, one space between, and around: so that a word is found whole. */
function wordsOf(texts: readonly unknown[]): string {
  const text = texts.filter((each) => typeof each === 'string').join(' ')
  const parted = text.normalize('NFKC').replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
  return ` ${parted.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, ' ')} `
}

function names(said: string, words: readonly string[]): boolean {
  return words.some((word) => said.includes(` ${word} `))
}

function isField(value: unknown): value is Field {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
