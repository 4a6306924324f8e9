/** The cookie by which a browser that began a sign-in is known again. `__Host-` ties it to this very origin, which needs https. */
function nameOf(origin: string): string {
  return origin.startsWith('https:') ? '__Host-countersign-sign-in' : 'countersign-sign-in'
}

/** Seconds: a person who signs in again in the same browser keeps it. */
const LIFE = 3600

/** The value of the cookie, when the browser sent exactly one. */
export function readBrowser(origin: string, headers: readonly string[]): string | undefined {
  const name = nameOf(origin)
  const found = headers
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined
}

/** `Set-Cookie`: not for scripts, and not sent by forms of other sites. */
export function writeBrowser(origin: string, value: string): string {
  const secure = origin.startsWith('https:') ? '; Secure' : ''
  return `${nameOf(origin)}=${value}; Path=/; Max-Age=${LIFE}; HttpOnly; SameSite=Lax${secure}`
}
