/**
 * A posture scanner: an attested workload that policy lets report facts about others.
 *
 *   node examples/workforce/scanner.ts <home issuer> <token file> <facts resource URI>
 */
import { readFile } from 'node:fs/promises'
import { AgentRefused, createAgent } from '../../src/sdk/agent.ts'
import { announce } from '../parts/announce.ts'
import { takeOrders, text } from '../parts/commands.ts'

const [home = '', tokenFile = '', facts = ''] = process.argv.slice(2)
const agent = await createAgent({ home, evidence: () => readFile(tokenFile, 'utf8') })

async function report(subject: string, says: string): Promise<unknown> {
  const token = await agent.token({ issuer: home, resource: facts })
  const response = await agent.fetchWith(token)(`${home}/facts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subject, says }),
  })
  const answer = (await response.json()) as { reason?: string; detail?: string }
  if (!response.ok) throw new AgentRefused(response.status, answer.reason ?? 'unknown', answer.detail ?? '')
  return answer
}

takeOrders({ report: (args) => report(text(args, 'subject'), text(args, 'says')) })
announce({})
