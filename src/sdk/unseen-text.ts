/**
 * Characters that a person doesn't see but a model reads: controls, format characters (zero-width, direction overrides), tag characters,
 * variation selectors, private use, and blanks that are no space.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0\u2800]|(?! )\p{Zs}|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}]/gu

/** The same text with what can't be seen written out as `\u{200b}`. */
export function withUnseen(text: string): string {
  return text.replaceAll(UNSEEN, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`)
}

/** How many characters of a text can't be seen. Line breaks and tabs can. */
export function unseenIn(text: string): number {
  return [...text.matchAll(UNSEEN)].filter(([each]) => !'\n\r\t'.includes(each)).length
}
