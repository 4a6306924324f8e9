import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './problem.ts'

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g
/** A value lands inside YAML or Cedar text, so what could end a string or start a new line is refused. */
const SAFE_VALUE = /^[^"'\\\r\n\p{Cc}]*$/u

/** Replaces `${name}` by its value; an unset variable or an unsafe value is a problem. Lines stay where they are. */
export function substitute(
  file: ConfigurationFile,
  variables: ReadonlyMap<string, string>,
): { readonly file: ConfigurationFile; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const text = file.text.replace(VARIABLE, (whole, name: string, offset: number) => {
    const value = variables.get(name)
    if (value !== undefined && SAFE_VALUE.test(value)) return value
    const says =
      value === undefined
        ? `variable \`${name}\` is not set`
        : `the value of \`${name}\` holds a quote, a backslash or a control character`
    problems.push({
      ...placeAt(file, offset),
      length: whole.length,
      code: 'configuration.variable',
      says,
      ...didYouMean(name, variables.keys()),
    })
    return whole
  })
  return { file: { path: file.path, text }, problems }
}
