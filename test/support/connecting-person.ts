import { type Browser, browser, formAction, hidden, logIn, type Page } from '../../examples/parts/person.ts'

/** A browser that goes nowhere in particular: it follows every redirect. */
export function anyBrowser(): Browser {
  return browser(NOWHERE)
}

const NOWHERE = 'https://nowhere.example/'

/** A browser that is stopped with the answer of the authorization server in its hands, once. */
export function stoppedBrowser(issuer: string): Browser & { readonly goOn: () => void } {
  let stop = `${issuer}/connected`
  const goOn = () => {
    stop = NOWHERE
  }
  return { ...browser(() => stop), goOn }
}

/** Follows the link that an agent was given, and signs in at the company's provider: to the question of our page, or to a no. */
export async function reachConnect(at: Browser, link: string, login: string): Promise<Page> {
  return logIn(at, await at.open(link), login)
}

/** Answers our page: with yes, on to the login of the other company's authorization server. */
export function answerConnect(at: Browser, page: Page, answer: 'allow' | 'deny'): Promise<Page> {
  return at.open(formAction(page), { ticket: hidden(page, 'ticket'), answer })
}

/** The whole way; the last page says that the account is connected. */
export async function connectAccount(
  link: string,
  login: string,
  account: string,
  at = anyBrowser(),
): Promise<Page> {
  const page = await reachConnect(at, link, login)
  return logIn(at, await answerConnect(at, page, 'allow'), account)
}
