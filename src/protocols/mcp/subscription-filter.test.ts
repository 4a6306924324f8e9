import { expect, it } from 'vitest'
import { agreedTo, type Heard } from './subscription-filter.ts'

const heard: Heard = {
  lists: new Set(['toolsListChanged']),
  uris: new Set(['shop://terms', 'shop://mine']),
  taskIds: new Set(['t-1']),
  tasks: new Map(),
}

it('what the server behind agrees to makes a stream narrower, never wider than what its caller may hear', () => {
  const more = {
    ...{ toolsListChanged: true, promptsListChanged: true, taskIds: ['t-1', 't-2'] },
    resourceSubscriptions: ['shop://terms', 'shop://ledger'],
  }
  expect(agreedTo(heard, more)).toEqual({ ...heard, uris: new Set(['shop://terms']) })
})

it.each([[undefined], ['all'], [{ resourceSubscriptions: 'shop://terms' }]])(
  'an answer that is no filter (%j) agrees to nothing',
  (stated) => {
    const nothing = new Set()
    expect(agreedTo(heard, stated)).toEqual({
      lists: nothing,
      uris: nothing,
      taskIds: nothing,
      tasks: heard.tasks,
    })
  },
)
