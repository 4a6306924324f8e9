import { describe, expect, it } from 'vitest'
import { isMediaType } from './media-type.ts'

describe('a media type', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/json; charset="utf-8"',
    'application/json \t; \tcharset=utf-8',
  ])('is taken as %j', (type) => {
    expect(isMediaType([type], 'json')).toBe(true)
  })
  it.each([
    undefined,
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/json5',
    'application/json/',
    'json',
    'application',
    'application/json, text/plain',
    'application/json, application/json',
    'application/json;',
    'application/json; charset=',
    'application/json; charset=utf8',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/json; charset="utf-8',
    'application/json; charset=utf-8; charset=utf-8',
    'application/json; charset=utf-8; q=1',
    'application/json; q=1',
    'application/json charset=utf-8',
    'application/json; charset =utf-8',
    'application/json; charset= utf-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/problem+json',
    'application/json+x',
    '*/*',
    'application/*',
    '',
    'application/json; charset=us-ascii',
    "application/json; charset='utf-8'",
    'application/json; charset*=utf-8',
    'application /json',
    'application/ json',
    'xapplication/json',
    'application/json\u00a0',
    `application/json;${' '.repeat(200)}charset=utf-8`,
  ])('is refused as %j', (type) => {
    expect(isMediaType(type === undefined ? [] : [type], 'json')).toBe(false)
  })
  it('is stated once', () => {
    expect(isMediaType(['application/json', 'application/json'], 'json')).toBe(false)
    expect(isMediaType(['application/x-www-form-urlencoded'], 'form')).toBe(true)
  })
})
