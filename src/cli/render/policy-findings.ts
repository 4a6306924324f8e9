import type { ConfigurationProblem } from '../../sdk/admin-contract.ts'
import type { Paint } from '../io.ts'
import { renderProblems } from './problems.ts'
import { many } from './table.ts'

/** Each finding with its place, its code and what to do; then how many there are among how many policies. */
export function renderPolicyFindings(
  findings: readonly ConfigurationProblem[],
  policies: number,
  paint: Paint,
): readonly string[] {
  const among = many(policies, 'policy', 'policies')
  if (findings.length === 0) return [paint.green(`${among}, nothing found`)]
  const told = findings.map((each) => ({ ...each, says: `${each.says}  ${paint.dim(each.code)}` }))
  return [...renderProblems(told, paint), paint.red(`${many(findings.length, 'finding')} in ${among}`)]
}
