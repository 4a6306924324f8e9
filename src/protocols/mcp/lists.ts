import { contentAt, contentOver } from '../../core/policy/content.ts'
import { promptTool } from '../../core/policy/prompt.ts'
import { isVisible, visibleTools } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { inTurns } from '../../lib/in-turns.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import { contentsHere, type Exchange } from './exchange.ts'
import { forThisCaller } from './for-this-caller.ts'
import { passNarrowed } from './narrow.ts'

/** `prompts/list`, without what isn't declared here or is certainly refused. */
export function listPrompts(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, message } = exchange
  return passNarrowed(exchange, message.whole, async (result, { decision }) => {
    const visible = await visibleTools(enforcement, decision)
    const shown = itemsOf(result, 'prompts').filter(({ name }) => visible.has(promptTool(String(name))))
    return forThisCaller({ ...result, prompts: shown })
  })
}

/** `resources/templates/list`: a template is shown whose URIs are all of one declared content. */
export function listTemplates(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, message } = exchange
  const contents = contentsHere(exchange)
  return passNarrowed(exchange, message.whole, async (result, { decision }) => {
    const visible = await visibleTools(enforcement, decision)
    const shown = itemsOf(result, 'resourceTemplates').filter(({ uriTemplate }) =>
      visible.has(contentOver(contents, String(uriTemplate)) ?? ''),
    )
    return forThisCaller({ ...result, resourceTemplates: shown })
  })
}

/** `resources/list`: each URI is judged by itself, since it says already what a reading would be judged by. */
export function listContents(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, message } = exchange
  const contents = contentsHere(exchange)
  return passNarrowed(exchange, message.whole, async (result, { decision }) => {
    const resources: JsonObject[] = []
    await inTurns(itemsOf(result, 'resources'), async (item) => {
      const asked = contentAt(contents, String(item['uri']))
      if (asked && (await isVisible(enforcement, decision, asked.tool, asked.input))) resources.push(item)
      return true
    })
    return forThisCaller({ ...result, resources })
  })
}

function itemsOf(result: JsonObject, member: string): readonly JsonObject[] {
  const items = result[member]
  return Array.isArray(items) ? items.filter(isJsonObject) : []
}
