import { ACCOUNT_GUARDS } from './account-guards.ts'
import { ASKING_GUARDS } from './asking-guards.ts'
import { CLIENT_GUARDS } from './client-guards.ts'
import { DECISION_GUARDS } from './decision-guards.ts'
import { DEFINITION_GUARDS } from './definition-guards.ts'
import { EXPLANATION_GUARDS } from './explanation-guards.ts'
import type { Guard } from './guard.ts'
import { ID_JAG_GUARDS } from './id-jag-guards.ts'
import { LABEL_GUARDS } from './label-guards.ts'
import { METHOD_GUARDS } from './method-guards.ts'
import { PROOF_GUARDS } from './proof-guards.ts'
import { RECORD_GUARDS } from './record-guards.ts'
import { SIGN_IN_GUARDS } from './sign-in-guards.ts'
import { WALL_GUARDS } from './wall-guards.ts'

/** Every named guard. */
export const GUARDS: readonly Guard[] = [
  ...PROOF_GUARDS,
  ...DECISION_GUARDS,
  ...ASKING_GUARDS,
  ...LABEL_GUARDS,
  ...METHOD_GUARDS,
  ...DEFINITION_GUARDS,
  ...WALL_GUARDS,
  ...EXPLANATION_GUARDS,
  ...RECORD_GUARDS,
  ...SIGN_IN_GUARDS,
  ...CLIENT_GUARDS,
  ...ID_JAG_GUARDS,
  ...ACCOUNT_GUARDS,
]

/** The guard of that name; throws with the names that there are. */
export function guardNamed(name: string, among: readonly Guard[] = GUARDS): Guard {
  const found = among.find((guard) => guard.name === name)
  if (found) return found
  throw new Error(`there is no guard named ${name}; there are ${among.map((guard) => guard.name).join(', ')}`)
}
