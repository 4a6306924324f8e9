/** A question of the bench as Cedar's own engine is asked it, with entities written out here and not by what is measured. */
import { splitAgentId } from '../src/core/ids.ts'
import type { AccessRequest } from '../src/core/policy/access-request.ts'
import type { Snapshot } from '../src/core/snapshot.ts'
import type { Ask } from './baselines/cedar-wasm.ts'

type Entity = Extract<Ask['entities'], readonly unknown[]>[number]
type Uid = { readonly type: string; readonly id: string }

export function askOf({ tenant, chain, resource, act }: AccessRequest, snapshot: Snapshot): Ask {
  const known = snapshot.tenants.get(tenant)
  const [agent, user] = [known?.agents.get(chain.agent), chain.user && known?.users.get(chain.user)]
  if (!known || !agent || !user || act.kind !== 'call') throw new Error('the bench asks of what is not there')
  const [who, whom] = [
    { type: 'Agent', id: agent.agent },
    { type: 'User', id: user.user },
  ]
  const [action, what] = [`${resource}/${act.tool}`, { type: 'Resource', id: resource }]
  const own = {
    kind: agent.kind,
    owner: agent.owner,
    home: splitAgentId(chain.agent).home,
    proof: chain.proof,
  }
  const hint = known.resources.get(resource)?.tools.get(act.tool)?.hint ?? ''
  const over = (type: string, name: string): Entity[] => {
    const above = known.groups.get(name)?.group.in ?? []
    return [
      entity(
        { type, id: name },
        {},
        above.map((id) => ({ type, id })),
      ),
      ...above.flatMap((id) => over(type, id)),
    ]
  }
  const groups = (type: string, names: readonly string[]) => names.map((id) => ({ type, id }))
  const actions = (name: string, ...within: string[]) =>
    entity({ type: 'Action', id: name }, {}, groups('Action', within))
  return {
    agent: who,
    user: whom,
    action: { type: 'Action', id: action },
    resource: what,
    context: {
      ...{ agent: { __entity: who }, user: { __entity: whom } },
      ...{ conditions: ['office-hours'], input: act.input as { [key: string]: string | number } },
    },
    entities: [
      entity(who, { ...agent.attributes, ...own }, groups('AgentGroup', agent.groups)),
      entity(whom, user.attributes, groups('UserGroup', user.groups)),
      ...agent.groups.flatMap((name) => over('AgentGroup', name)),
      ...user.groups.flatMap((name) => over('UserGroup', name)),
      entity(what, { kind: 'mcp', labels: [] }, []),
      actions(action, `${resource}/*${hint}`, `${resource}/*any`),
      ...[hint, 'any'].flatMap((each) => [actions(`${resource}/*${each}`, `*${each}`), actions(`*${each}`)]),
    ],
  }
}

function entity(uid: Uid, attrs: Entity['attrs'], parents: readonly Uid[]): Entity {
  return { uid, attrs, parents: [...parents] }
}
