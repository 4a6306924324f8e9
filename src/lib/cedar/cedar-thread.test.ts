import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openCedarThread } from './cedar-thread.ts'

const QUESTION = { ask: 'format', text: 'permit(principal,action,resource);' } as const

/** Threads of this process, as Linux counts them. */
function threads(): number {
  return readdirSync('/proc/self/task').length
}

test('an idle thread ends by itself and is back for the next question', async () => {
  const thread = openCedarThread({ idleMs: 50 })
  expect((await thread.ask(QUESTION)).ok).toBe(true)
  const asked = threads()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(threads()).toBeLessThan(asked)
  expect((await thread.ask(QUESTION)).ok).toBe(true)
  await thread.close()
})

test('questions in a row are answered by one thread however short its idle time is', async () => {
  const thread = openCedarThread({ idleMs: 1 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => thread.ask(QUESTION)))
  expect(answers.every(({ ok }) => ok)).toBe(true)
  await thread.close()
})
