import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientSide, signInThrough } from '../support/consenting-person.ts'
import { openLink } from '../support/headless-login.ts'
import { PRELOADED } from '../support/sign-in-world.ts'
import { type Model, startModel } from './model.ts'
import { listenTo } from './peers.ts'
import { type Client, type Context, type Seen, wayIn } from './seen.ts'

/** A terminal's own marks may follow a link without a space; none of their characters stands in one. */
const LINK = /https?:\/\/127\.0\.0\.1:\d+\/t\/acme\/authorize\?[\w.~%&=+:/-]+/

type Tool = { readonly home: string; readonly env: Readonly<Record<string, string>>; readonly model: Model }

/** A coding tool with a home of its own, and a model that makes the calls that it is told to. */
async function inHome<T>(work: (tool: Omit<Tool, 'env'>) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'countersign-client-'))
  const model = await startModel()
  try {
    return await work({ home, model })
  } finally {
    model.close()
    await rm(home, { recursive: true, force: true })
  }
}

/** Runs a command that prints a link, and follows it as a person would. Answers how the client is known. */
async function signIn(argv: readonly string[], { home, env }: Pick<Tool, 'home' | 'env'>): Promise<string> {
  let way = ''
  let going: Promise<unknown> = Promise.resolve()
  const { said } = await listenTo(
    argv,
    (line) => {
      const link = LINK.exec(line)?.[0]
      if (link === undefined || way !== '') return
      way = wayIn(link)
      going = openLink(link, 'ana', 'go on')
    },
    env,
    home,
  )
  await going
  if (way === '') throw new Error(said.slice(-1500))
  return way
}

/** Has the model make both calls, one question each. */
async function bothCalls(
  { model, env, home }: Tool,
  ask: readonly string[],
  nameOf: (tool: string) => string,
): Promise<Pick<Seen, 'allowed' | 'refused'>> {
  const call = async (tool: string, input: object) => {
    model.tell({ tool: nameOf(tool), input })
    const { said } = await listenTo(ask, () => undefined, env, home)
    return model.heard() || said.slice(-800)
  }
  return { allowed: await call('read_note', { name: 'x' }), refused: await call('burn_notes', {}) }
}

export const claudeCode: Client = {
  name: 'claude-code',
  run: ({ world, packages }) =>
    inHome(async ({ home, model }) => {
      const env = {
        HOME: home,
        CLAUDE_CONFIG_DIR: home,
        ANTHROPIC_BASE_URL: model.origin,
        ANTHROPIC_API_KEY: 'told',
        DISABLE_AUTOUPDATER: '1',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      }
      const claude = join(packages, '.bin/claude')
      const add = [claude, 'mcp', 'add', '--transport', 'http', 'notes', world.resource]
      await listenTo(add, () => undefined, env, home)
      // It asks for a terminal before it prints a link.
      const login = ['script', '-qfc', `${claude} mcp login notes --no-browser`, '/dev/null']
      const signedIn = await signIn(login, { home, env })
      const ask = [claude, '-p', 'go', '--allowedTools', 'mcp__notes__read_note,mcp__notes__burn_notes']
      return { signedIn, ...(await bothCalls({ home, env, model }, ask, (tool) => `mcp__notes__${tool}`)) }
    }),
}

export const codex: Client = {
  name: 'codex',
  run: ({ world, packages }) =>
    inHome(async ({ home, model }) => {
      const env = { HOME: home, CODEX_HOME: home, TOLD_KEY: 'told' }
      const command = join(packages, '.bin/codex')
      const signedIn = await signIn([command, 'mcp', 'add', 'notes', '--url', world.resource], { home, env })
      const provider = `{name="told",base_url="${model.origin}/v1",wire_api="responses",env_key="TOLD_KEY"}`
      const settings = ['model="gpt-5"', 'model_provider="told"', `model_providers.told=${provider}`]
      const ask = [
        ...[command, 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'],
        ...settings.flatMap((setting) => ['-c', setting]),
        'go',
      ]
      return { signedIn, ...(await bothCalls({ home, env, model }, ask, (tool) => `mcp__notes.${tool}`)) }
    }),
}

/** Its own sign-in wants a terminal with a person; on the command line it takes a token, here one that a person agreed to. */
export const inspector: Client = {
  name: 'inspector',
  run: async ({ world, packages }: Context) => {
    const redirect = 'http://127.0.0.1:6276/callback'
    const side = { issuer: world.issuer, clientId: PRELOADED, redirect, resource: world.resource }
    const { access_token: token } = await signInThrough(clientSide(side), 'ana')
    const base = [join(packages, '.bin/mcp-inspector'), '--cli', world.resource, '--transport', 'http']
    const run = async (...more: readonly string[]) => {
      const argv = [...base, '--header', `Authorization: Bearer ${token}`, ...more]
      return (await listenTo(argv, () => undefined)).said
    }
    const call = (name: string, ...args: readonly string[]) =>
      run('--method', 'tools/call', '--tool-name', name, ...args.flatMap((arg) => ['--tool-arg', arg]))
    const listed = await run('--method', 'tools/list')
    return {
      signedIn: 'token',
      tools: ['read_note', 'write_note', 'burn_notes'].filter((name) => listed.includes(`"${name}"`)),
      allowed: await call('read_note', 'name=x'),
      refused: await call('burn_notes'),
    }
  },
}
