import { parentPort } from 'node:worker_threads'
import {
  formatPolicies,
  isAuthorized,
  policyToJson,
  schemaToJsonWithResolvedTypes,
  templateToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { Answer, Question } from './questions.ts'

const parse = JSON.parse

/**
 * The wasm hands its answer to `JSON.parse`, which would round integers beyond 2^53. Catching the text there keeps
 * every digit. The call is synchronous and this thread runs nothing else, so nobody else meets the swapped function.
 */
function textOf(call: () => unknown): string {
  let caught: string | undefined
  JSON.parse = (text: string) => {
    caught = text
    return parse(text)
  }
  try {
    call()
  } finally {
    JSON.parse = parse
  }
  if (caught === undefined) throw new Error('cedar-wasm answered without JSON')
  return caught
}

type WithSource = (key: string, value: unknown, context: { source?: string }) => unknown
const exact = JSON as unknown as {
  parse(text: string, revive: WithSource): never
  rawJSON(text: string): unknown
}

/** Numbers keep their source text on the way in; the wasm reads its argument through `JSON.stringify`. */
function exactly(text: string): never {
  return exact.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined ? exact.rawJSON(context.source) : value,
  )
}

function answer(question: Question): readonly string[] {
  switch (question.ask) {
    case 'parse':
      return question.texts.map(({ text, template }) =>
        textOf(() => (template ? templateToJson(text) : policyToJson(text))),
      )
    case 'validate': {
      const { policies: staticPolicies, templates, links } = question
      const policies = {
        staticPolicies: { ...staticPolicies },
        templates: { ...templates },
        templateLinks: links.map((link) => ({ ...link, values: { ...link.values } })),
      }
      const validationSettings = { mode: 'strict' as const }
      return [textOf(() => validate({ schema: question.schema, policies, validationSettings }))]
    }
    case 'format':
      return [textOf(() => formatPolicies({ policyText: question.text, lineWidth: 110, indentWidth: 2 }))]
    case 'authorize': {
      const call = exactly(question.call)
      return [textOf(() => isAuthorized(call))]
    }
    case 'schema':
      return [textOf(() => schemaToJsonWithResolvedTypes(question.text))]
  }
}

function settle(question: Question): Answer {
  try {
    return { texts: answer(question) }
  } catch (error) {
    return { crashed: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (question: Question) => parentPort?.postMessage(settle(question)))
