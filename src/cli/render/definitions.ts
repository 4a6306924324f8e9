import type { DefinitionLine, DefinitionShown } from '../../sdk/admin-contract.ts'
import { unseenIn, withUnseen } from '../../sdk/unseen-text.ts'
import type { Paint } from '../io.ts'
import { many, renderTable } from './table.ts'

export function renderDefinitions(definitions: readonly DefinitionLine[]): readonly string[] {
  if (definitions.length === 0) return ['Nothing waits, or nothing was seen yet.']
  const rows = definitions.map((each) => [each.definition, stateOf(each), timeOf(each), hashOf(each)])
  return renderTable([['definition', 'state', 'since', 'sha256'], ...rows])
}

function stateOf({ accepted, waiting }: DefinitionLine): string {
  if (waiting) return accepted ? 'CHANGED, refused' : 'WAITS, refused'
  return accepted?.by === 'person' ? 'accepted' : 'first seen'
}

function timeOf({ accepted, waiting }: DefinitionLine): string {
  return at(waiting?.at ?? accepted?.at ?? 0)
}

function hashOf({ accepted, waiting }: DefinitionLine): string {
  return waiting?.sha256 ?? accepted?.sha256 ?? ''
}

/** Both sides whole, and how to accept one. */
export function renderDefinition(shown: DefinitionShown, tenant: string, paint: Paint): readonly string[] {
  const { accepted, waiting } = shown
  return [
    ...(accepted ? [paint.bold('counts'), ...sideOf(accepted)] : []),
    ...(waiting ? [paint.bold('waits'), ...sideOf(waiting)] : []),
    ...unseenLines(shown, paint),
    ...(waiting ? howToAccept(shown, tenant) : []),
  ]
}

function sideOf({
  sha256,
  at: seen,
  says,
}: {
  sha256: string
  at: number
  says: unknown
}): readonly string[] {
  const text = JSON.stringify(says, null, 2) ?? ''
  return [`${sha256}  since ${at(seen)}`, ...text.split('\n').map(withUnseen), '']
}

/** Each place where the sides differ, what was there and what is there now. */
export function renderDifference(shown: DefinitionShown, tenant: string, paint: Paint): readonly string[] {
  const { definition, accepted, waiting, differences } = shown
  if (!waiting) return [`Nothing waits: ${definition} is used as it was accepted.`]
  if (!accepted)
    return [`Nothing of ${definition} was accepted before.`, ...renderDefinition(shown, tenant, paint)]
  const lines = differences.flatMap(({ at: place, before, after }) => {
    const [was, now] = excerpts(before, after)
    return [
      paint.bold(withUnseen(place)),
      ...(before === undefined ? [] : [paint.red(`- ${was}`)]),
      ...(after === undefined ? [] : [paint.green(`+ ${now}`)]),
    ]
  })
  const head = `${definition} has changed since ${at(waiting.at)}, and is refused until you accept one of both.`
  return [head, '', ...lines, '', ...unseenLines(shown, paint), ...howToAccept(shown, tenant)]
}

/** Characters around a difference that are shown of two long texts that are the same elsewhere. */
const AROUND = 60

function excerpts(before: unknown, after: unknown): readonly [string, string] {
  const [was, now] = [written(before), written(after)]
  if (typeof before !== 'string' || typeof after !== 'string') return [was, now]
  let same = 0
  while (same < Math.min(was.length, now.length) && was[same] === now[same]) same += 1
  let end = 0
  while (end < Math.min(was.length, now.length) - same && was.at(-1 - end) === now.at(-1 - end)) end += 1
  const cut = (text: string) => {
    const [from, to] = [Math.max(0, same - AROUND), Math.min(text.length, text.length - end + AROUND)]
    return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`
  }
  return [cut(was), cut(now)]
}

/** As JSON, and what a person would not see of it written out: it comes from the server behind. */
function written(value: unknown): string {
  return withUnseen(JSON.stringify(value) ?? '')
}

function unseenLines({ accepted, waiting }: DefinitionShown, paint: Paint): readonly string[] {
  const count = unseenIn(JSON.stringify([(waiting ?? accepted)?.says]))
  if (count === 0) return []
  const what = `${many(count, 'character')} in it can't be seen on a screen but are read by a model; here they stand as \\u{…}.`
  return [paint.yellow(what), '']
}

function howToAccept({ definition, accepted, waiting }: DefinitionShown, tenant: string): readonly string[] {
  const command = (sha256: string) =>
    `  countersign definitions accept ${definition} --tenant ${tenant} --sha256 ${sha256} --reason "…"`
  return [
    ...(waiting ? ['To use what waits from now on:', command(waiting.sha256)] : []),
    ...(accepted ? ['To keep what was accepted:', command(accepted.sha256)] : []),
  ]
}

function at(ms: number): string {
  return new Date(ms).toISOString()
}
