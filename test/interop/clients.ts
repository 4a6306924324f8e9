import { cp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ROOT } from '../source-files.ts'
import { openLink } from '../support/headless-login.ts'
import { claudeCode, codex, inspector } from './command-lines.ts'
import { listenTo } from './peers.ts'
import { type Client, type Outcome, wayIn } from './seen.ts'

type Told = {
  readonly link?: string
  readonly tools?: string[]
  readonly allowed?: Outcome
  readonly refused?: Outcome
}

/** A program of ours that is made with somebody's library; it runs beside that library's packages. */
function program(name: string): Client {
  return {
    name,
    run: async ({ world, packages }) => {
      const folder = join(dirname(packages), 'programs')
      await cp(join(ROOT, 'test/interop/programs'), folder, { recursive: true })
      let signedIn = ''
      let told: Told = {}
      const argv = [process.execPath, join(folder, `${name}.mjs`), world.resource]
      const { said } = await listenTo(argv, (line) => {
        if (!line.startsWith('{')) return
        const heard = JSON.parse(line) as Told
        if (heard.link === undefined) told = heard
        else {
          signedIn = wayIn(heard.link)
          void openLink(heard.link, 'ana', 'go on')
        }
      })
      if (!told.allowed || !told.refused) throw new Error(said.slice(-1500))
      return { signedIn, tools: told.tools ?? [], allowed: told.allowed.said, refused: told.refused.said }
    },
  }
}

export const CLIENTS: readonly Client[] = [
  program('sdk-v2'),
  program('sdk-v1'),
  program('ai-sdk'),
  program('langchain'),
  program('mcp-remote'),
  inspector,
  claudeCode,
  codex,
]
