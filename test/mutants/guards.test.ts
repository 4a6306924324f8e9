import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../source-files.ts'
import { withoutGuard } from './copy.ts'
import { GUARDS } from './guards.ts'

describe('the list of guards', () => {
  it('names each once', () => {
    const names = GUARDS.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it.each(GUARDS.map((guard) => [guard.name, guard] as const))(
    'finds %s in the sources, once',
    (_name, guard) => {
      const text = readFileSync(join(ROOT, guard.file), 'utf8')
      expect(withoutGuard(guard, text)).not.toBe(text)
      expect(guard.tests.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
      expect(guard.tests.length).toBeGreaterThan(0)
    },
  )

  it('lets the demo be told without those that its help names', () => {
    const help = readFileSync(join(ROOT, 'examples/demo/main.ts'), 'utf8')
    const named = GUARDS.filter(({ demo }) => demo).map(({ name }) => name)
    const listed = /taken? a guard out of a copy of the program: ([a-z, -]+)/.exec(help)?.[1]
    expect(listed?.split(', ').sort()).toEqual(named.sort())
  })
})
