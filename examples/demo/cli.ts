import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** The ordinary command line, as an operator would run it, over the authority's local socket. */
export type Cli = (
  ...args: readonly string[]
) => Promise<{ readonly code: number; readonly json: unknown; readonly stderr: string }>

export function operatorCli(program: string, socket: string, stateFolder: string): Cli {
  return (...args) =>
    new Promise((resolve, reject) => {
      const argv = [join(program, 'bin/countersign.mjs'), ...args, '--json']
      const env = {
        ...process.env,
        COUNTERSIGN_SOCKET: socket,
        XDG_STATE_HOME: stateFolder,
        NODE_NO_WARNINGS: '1',
      }
      const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'], env })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk) => (stdout += chunk))
      child.stderr.on('data', (chunk) => (stderr += chunk))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code: code ?? 1, json: parse(stdout), stderr }))
    })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
