import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { parse } from 'yaml'
import type { Io } from './io.ts'
import { CliRefused } from './run.ts'

export type VariableOptions = { readonly var: readonly string[]; readonly vars?: string }

/** Adds the two ways to say what the files' `${name}` stand for. */
export function withVariables(command: Command): Command {
  return command
    .option('--var <name=value>', 'a variable of the files; may be repeated', collect, [])
    .option('--vars <file>', 'a YAML file of variables, `name: value` a line; --var wins over it')
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

/** The variables of a command line. Refuses `cli.variable` and `cli.file`. */
export async function variablesOf(
  { var: given, vars }: VariableOptions,
  io: Pick<Io, 'cwd'>,
): Promise<Readonly<Record<string, string>>> {
  const variables: Record<string, string> = Object.create(null)
  if (vars !== undefined) Object.assign(variables, await fileOf(vars, io))
  for (const each of given) {
    const at = each.indexOf('=')
    if (at < 1) throw new CliRefused('cli.variable', `--var takes name=value, not ${each}.`)
    variables[each.slice(0, at)] = each.slice(at + 1)
  }
  return variables
}

async function fileOf(path: string, { cwd }: Pick<Io, 'cwd'>): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(resolve(cwd, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliRefused('cli.file', `${path} can't be read (${error.code}).`)
  })
  const read = parsed(text)
  const wrong = `${path} must be a map of names and texts, such as \`zone: Europe/Berlin\`.`
  if (read === null || typeof read !== 'object' || Array.isArray(read))
    throw new CliRefused('cli.variable', wrong)
  return Object.fromEntries(
    Object.entries(read).map(([name, value]) => {
      // A number or a date would be written otherwise than it was.
      if (typeof value !== 'string')
        throw new CliRefused('cli.variable', `${wrong} Quote the value of ${name}.`)
      return [name, value]
    }),
  )
}

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 }) ?? {}
  } catch {
    return undefined
  }
}
