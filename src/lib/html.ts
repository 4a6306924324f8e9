/** Markup that is safe to send: made by `html` alone, so a text can't become it by mistake. */
export class Html {
  readonly markup: string
  private constructor(markup: string) {
    this.markup = markup
  }
  /** For `html`: what it is given is markup already. */
  static readonly of = (markup: string): Html => new Html(markup)
}

type Part = string | number | Html | readonly Html[] | undefined

/** A template of markup. Every value in it is escaped unless it is `Html` itself; undefined is nothing. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const filled = parts.map((part, at) => `${markupOf(part)}${texts[at + 1] ?? ''}`)
  return Html.of(`${texts[0] ?? ''}${filled.join('')}`)
}

function markupOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.markup
  if (typeof part === 'object') return part.map(({ markup }) => markup).join('')
  return escaped(String(part))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
