import { isJsonArray, isJsonObject, type Json, member } from '../../src/core/policy/cedar/json.ts'
import { readExpression } from '../../src/core/policy/cedar/read-expression.ts'
import { render } from '../../src/core/policy/cedar/render.ts'

type JsonObject = { readonly [key: string]: Json }

/** A policy in the JSON form, as a person would write it: what a case that differs is shown as. */
export function policyText(est: Json): string {
  if (!isJsonObject(est)) return JSON.stringify(est)
  const scope = (['principal', 'action', 'resource'] as const).map((name) =>
    scopeText(name, member(est, name)),
  )
  const clauses = member(est, 'conditions')
  const conditions = (isJsonArray(clauses) ? clauses : []).map((clause) => clauseText(clause))
  return `${[`${member(est, 'effect')} (${scope.join(', ')})`, ...conditions].join('\n  ')};`
}

function clauseText(clause: Json): string {
  if (!isJsonObject(clause)) return ''
  const read = readExpression(member(clause, 'body') ?? null)
  return `${member(clause, 'kind')} { ${read.ok ? render(read.value) : read.error.says} }`
}

function scopeText(name: string, constraint: Json | undefined): string {
  if (!isJsonObject(constraint)) return name
  const op = member(constraint, 'op')
  if (op === 'All') return name
  const slot = member(constraint, 'slot')
  if (slot !== undefined) return `${name} ${op} ${slot}`
  if (op === 'is') {
    const within = member(constraint, 'in')
    const inner = isJsonObject(within) ? (member(within, 'slot') ?? uidText(member(within, 'entity'))) : ''
    const behind = inner === '' ? '' : ` in ${inner}`
    return `${name} is ${member(constraint, 'entity_type')}${behind}`
  }
  const listed = member(constraint, 'entities')
  const target = isJsonArray(listed)
    ? `[${listed.map(uidText).join(', ')}]`
    : uidText(member(constraint, 'entity'))
  return `${name} ${op} ${target}`
}

function uidText(json: Json | undefined): string {
  const uid: JsonObject = isJsonObject(json) ? json : {}
  return `${member(uid, 'type')}::${JSON.stringify(member(uid, 'id'))}`
}
