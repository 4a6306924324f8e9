import { expect, test } from 'vitest'
import { type Fit, type Fits, remembered } from './fit.ts'
import type { Tool } from './tool.ts'

const toolOf = (name: string): Tool => ({ name, action: `orders/${name}`, hint: 'read' })
const nothing = (): Fit => ({ candidates: [], uncovered: [], names: [] })

test('what the scopes came to is found once for a tool, and anew for a tool that was changed', () => {
  const fits: Fits = new Map()
  const tool = toolOf('get')
  const first = remembered(fits, tool, nothing)
  expect(remembered(fits, tool, nothing)).toBe(first)
  expect(remembered(fits, { ...tool, hint: 'write' }, nothing)).not.toBe(first)
})

test('of however many tools, only so many are kept', () => {
  const fits: Fits = new Map()
  for (let at = 0; at < 1_000; at++) remembered(fits, toolOf(`get_${at}`), nothing)
  expect(fits.size).toBeLessThanOrEqual(64)
})
