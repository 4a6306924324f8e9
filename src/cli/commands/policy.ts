import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import type { Paint } from '../io.ts'
import { readFolder } from '../read-folder.ts'
import { type VariableOptions, variablesOf, withVariables } from '../read-variables.ts'
import { renderCases } from '../render/cases.ts'
import { renderPolicyFindings } from '../render/policy-findings.ts'
import { CliRefused, type Done, FolderRefused } from '../run.ts'
import { addDiff } from './policy-diff.ts'

type FolderOptions = VariableOptions & { readonly file: string }

export function addPolicyCommands(program: Command, cli: Cli): void {
  const policy = program.command('policy').description('policies as code: tested, looked through, compared')
  addTest(policy, cli)
  addLint(policy, cli)
  addDiff(policy, cli)
}

function addTest(policy: Command, cli: Cli): void {
  const test = policy
    .command('test')
    .description('run the cases (*.cases.yaml) of a folder against its policies, without an authority')
    .option('-f, --file <folder>', 'the folder', '.')
  withVariables(test).action(async (options: FolderOptions) => {
    await cli.run(test, `policy test ${options.file}`, async (paint) => {
      const files = await readFolder(options.file, cli.io.cwd)
      const answer = await cli.policies.test(files, await variablesOf(options, cli.io))
      if ('problems' in answer) throw new FolderRefused(answer.problems)
      return tested(answer.results, options.file, paint)
    })
  })
}

type Tested = Parameters<typeof renderCases>[0]

function tested(results: Tested, folder: string, paint: Paint): Done {
  // A run that tests nothing must not look like one in which all is well.
  if (results.length === 0)
    throw new CliRefused(
      'cli.no_cases',
      `There is no case under ${folder}: they stand in *.cases.yaml files.`,
    )
  const failed = results.filter(({ misses }) => misses.length > 0).length
  return {
    facts: { cases: results.length, failed, results },
    lines: renderCases(results, paint),
    code: failed === 0 ? 0 : 1,
  }
}

function addLint(policy: Command, cli: Cli): void {
  const lint = policy
    .command('lint')
    .description('find what the policies of a folder say that nobody means, without an authority')
    .option('-f, --file <folder>', 'the folder', '.')
  withVariables(lint).action(async (options: FolderOptions) => {
    await cli.run(lint, `policy lint ${options.file}`, async (paint) => {
      const files = await readFolder(options.file, cli.io.cwd)
      const answer = await cli.policies.lint(files, await variablesOf(options, cli.io))
      if ('problems' in answer) throw new FolderRefused(answer.problems)
      const lines = renderPolicyFindings(answer.findings, answer.policies, paint)
      return { facts: answer, lines, code: answer.findings.length === 0 ? 0 : 1 }
    })
  })
}
