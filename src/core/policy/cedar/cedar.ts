// The front of the evaluator: what the rest of the house may use of it.
export { authorize, evaluateClauses, evaluatePolicy, type PolicyOutcome } from './authorize.ts'
export type { CedarRequest } from './compile.ts'
export {
  type AttributeValues,
  buildEntities,
  type Entities,
  type Entity,
  layer,
} from './entities.ts'
export { explainMatch, explainPolicy, type Met, type Miss, show } from './explain.ts'
export { entitiesFromJson, fromCedarJson } from './from-json.ts'
export { type Json, parseExactJson, printExactJson } from './json.ts'
export { parseUid } from './parse-uid.ts'
export { type CedarPolicy, preparePolicy, type Slots } from './policy.ts'
export type { ScopeConstraint } from './scope.ts'
export {
  type CedarTemplate,
  fillTemplate,
  prepareTemplate,
  type SlotName,
} from './template.ts'
export { entitiesJson, entitiesNamed, fieldsJson, uidJson } from './to-json.ts'
export {
  bool,
  type EntityUid,
  entityUid,
  isOpen,
  long,
  type RecordValue,
  record,
  setOf,
  text,
  UNKNOWN,
  type Value,
} from './value.ts'
