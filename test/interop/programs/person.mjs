// A program's side of a sign-in: it keeps what it is given in memory, says the link, and listens for the answer on loopback.
import { once } from 'node:events'
import { createServer } from 'node:http'

/** Prints one fact for whoever started the program. */
export const say = (fact) => void process.stdout.write(`${JSON.stringify(fact)}\n`)

/** An `OAuthClientProvider`, and the answer that comes back. */
export async function signInHere(name) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const redirect = `http://127.0.0.1:${server.address().port}/callback`
  const came = new Promise((resolve) => {
    server.on('request', (request, response) => {
      response.end('You may close this page.')
      resolve(new URL(request.url, redirect).searchParams)
    })
  })
  const kept = { client: undefined, tokens: undefined, verifier: '', discovered: undefined }
  const provider = {
    redirectUrl: redirect,
    clientMetadata: {
      client_name: name,
      redirect_uris: [redirect],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    state: () => 'a-state-of-the-program',
    clientInformation: () => kept.client,
    saveClientInformation: (client) => {
      kept.client = client
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens
    },
    redirectToAuthorization: (url) => say({ link: String(url) }),
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier
    },
    codeVerifier: () => kept.verifier,
    saveDiscoveryState: (state) => {
      kept.discovered = state
    },
    discoveryState: () => kept.discovered,
  }
  return { provider, came, close: () => server.close() }
}

/** What a call came to, whichever way a library tells it. */
export const outcome = (call) =>
  call.then(
    (result) => ({ error: result?.isError === true, said: JSON.stringify(result?.content ?? result) }),
    (error) => ({ error: true, said: String(error?.message ?? error) }),
  )
