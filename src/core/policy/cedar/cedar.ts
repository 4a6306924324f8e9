// The front of the evaluator: what the rest of the house may use of it.
export { authorize, type CedarAnswer, evaluatePolicy, type PolicyOutcome } from './authorize.ts'
export type { CedarRequest } from './compile.ts'
export {
  buildEntities,
  type Entities,
  type Entity,
  type EntityDraft,
  type EntityProblem,
  layer,
  NO_ENTITIES,
} from './entities.ts'
export { explainPolicy, type Miss, show } from './explain.ts'
export { entitiesFromJson, fromCedarJson, fromPlainJson, type JsonProblem } from './from-json.ts'
export { type Json, parseExactJson, printExactJson } from './json.ts'
export { type CedarPolicy, type Effect, preparePolicy } from './policy.ts'
export type { PolicyProblem } from './read-expression.ts'
export type { Scope, ScopeConstraint } from './scope.ts'
export {
  bool,
  type EntityUid,
  entityUid,
  type Failure,
  long,
  type RecordValue,
  record,
  setOf,
  text,
  UNKNOWN,
  type Value,
} from './value.ts'
