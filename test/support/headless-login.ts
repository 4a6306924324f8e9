import { browser, formAction, hidden, logIn } from '../../examples/parts/person.ts'

/**
 * A person who opens the link that a client printed: signs in at the provider, allows on our page, and lets the browser go on to the
 * client's redirect, where the client itself may be listening. Answers where the browser ended.
 */
export async function openLink(link: string, login: string): Promise<URL> {
  const redirect = redirectOf(link)
  const at = browser(redirect)
  const page = await logIn(at, await at.open(link), login)
  const done = await at.open(formAction(page), { ticket: hidden(page, 'ticket'), answer: 'allow' })
  return new URL(done.url)
}

function redirectOf(link: string): string {
  const redirect = new URL(link).searchParams.get('redirect_uri')
  if (redirect === null) throw new Error(`no redirect in ${link.slice(0, 200)}`)
  return redirect
}
