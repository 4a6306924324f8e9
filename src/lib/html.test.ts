import { expect, test } from 'vitest'
import { html } from './html.ts'

test('what is put into a template is text, wherever it stands', () => {
  const name = `<script>alert('1')</script>"&`
  expect(html`<p title="${name}">${name}</p>`.markup).toBe(
    '<p title="&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;">&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;</p>',
  )
})

test('markup in markup stays markup, in lists too, and nothing is nothing', () => {
  const items = ['a', '<b>'].map((each) => html`<li>${each}</li>`)
  expect(html`<ul>${items}</ul>${undefined}${3}`.markup).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>3')
})
