import { hash } from 'node:crypto'
import { type Html, html } from '../../../lib/html.ts'
import type { DoorResponse } from '../../../lib/http/route.ts'
import { STYLE } from './style.ts'

/** What a page may do beyond showing itself: send its form, and where that may lead to. */
export type PageOptions = {
  readonly status: number
  readonly title: string
  /** Sources that a form may be sent to, through redirects too, besides ourselves. */
  readonly formTo?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

const STYLE_SOURCE = `'sha256-${hash('sha256', STYLE, 'base64')}'`

/**
 * A whole page: no script, no picture, nothing from elsewhere; never framed, since a person could be made to click what they don't see
 * (RFC 9700 §4.16). The referrer goes to ourselves alone: browsers then name the origin of a form.
 */
export function page(options: PageOptions, body: Html): DoorResponse {
  const { status, title, formTo = [], headers = {} } = options
  const markup = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE_MARKUP}</style>
</head>
<body><main>${body}</main></body>
</html>
`
  const policy = [
    "default-src 'none'",
    `style-src ${STYLE_SOURCE}`,
    ["form-action 'self'", ...formTo].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    status,
    headers: {
      'content-security-policy': policy.join('; '),
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
      ...headers,
    },
    text: markup.markup,
    type: 'text/html; charset=utf-8',
  }
}

const STYLE_MARKUP = htmlOf(STYLE)

/** The style is ours and holds nothing to escape. */
function htmlOf(style: string): Html {
  const texts = Object.assign([style], { raw: [style] })
  return html(texts as unknown as TemplateStringsArray)
}
