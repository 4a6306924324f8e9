import { browser, formAction, hidden, logIn } from '../../examples/parts/person.ts'

/**
 * A person who opens the link that a client printed: signs in at the provider, and allows on our page. Answers where the browser was sent
 * to; with `go on` it goes there, where the client itself is listening.
 */
export async function openLink(link: string, login: string, then: 'stop' | 'go on' = 'stop'): Promise<URL> {
  const at = browser(redirectOf(link))
  const page = await logIn(at, await at.open(link), login)
  const done = await at.open(formAction(page), { ticket: hidden(page, 'ticket'), answer: 'allow' })
  if (then === 'go on') await (await fetch(done.url)).arrayBuffer()
  return new URL(done.url)
}

function redirectOf(link: string): string {
  const redirect = new URL(link).searchParams.get('redirect_uri')
  if (redirect === null) throw new Error(`no redirect in ${link.slice(0, 200)}`)
  return redirect
}
