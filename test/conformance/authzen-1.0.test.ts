import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { type AskingPoint, applyTodo, pointOf } from '../support/enforcement-point.ts'
import { vectorFile } from '../vectors.ts'

let surface: Surface
let backend: AskingPoint
beforeAll(async () => {
  surface = await startSurface()
  await applyTodo(surface)
  backend = await pointOf(surface, 'todo', 'todo/backend')
})
afterAll(() => surface?.close())

type Vector<Expected> = { readonly request: object; readonly expected: Expected }
type Vectors = {
  readonly evaluation: readonly Vector<boolean>[]
  readonly evaluations: readonly Vector<readonly object[]>[]
}
const vectors = JSON.parse(
  readFileSync(vectorFile('authzen', 'todo-decisions-1_0-02.json'), 'utf8'),
) as Vectors

describe('the Todo scenario of the OpenID AuthZEN interoperability events, from examples/authzen-todo', () => {
  test('§6 answers each of its 40 evaluations as it must', async () => {
    expect(vectors.evaluation).toHaveLength(40)
    const wrong: unknown[] = []
    for (const { request, expected } of vectors.evaluation) {
      const { status, json } = await backend.ask('evaluation', request)
      if (status !== 200 || json['decision'] !== expected) wrong.push({ request, expected, status, json })
    }
    expect(wrong).toEqual([])
  })

  test('§7 answers each of its 3 batches with exactly these decisions', async () => {
    expect(vectors.evaluations).toHaveLength(3)
    for (const { request, expected } of vectors.evaluations) {
      const { status, json } = await backend.ask('evaluations', request)
      expect([status, json]).toEqual([200, { evaluations: expected }])
    }
  })
})
