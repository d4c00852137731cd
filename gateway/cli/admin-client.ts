import type { Config } from '../config/schema.js'
import { CommandError, printable } from './terminal.js'

const TIMEOUT_MS = 10_000
/** What is changed may have to be asked of a service first. */
const CHANGE_TIMEOUT_MS = 20_000

/**
 * Asks the administration of the gateway that runs with this configuration, or changes something there. Undefined when there is no such thing
 * there. Throws CommandError when it cannot be reached or refuses.
 */
export async function askGateway(
  http: Config['http'],
  path: string,
  change?: { readonly method: 'PUT' | 'DELETE'; readonly body?: unknown },
): Promise<unknown> {
  const base = `http://${http.listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')}`
  const [token] = http.tokens
  const answer = await fetch(`${base}/admin/${path}`, {
    method: change?.method ?? 'GET',
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(change?.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(change?.body !== undefined && { body: JSON.stringify(change.body) }),
    signal: AbortSignal.timeout(change ? CHANGE_TIMEOUT_MS : TIMEOUT_MS),
  }).catch((error: unknown) => {
    const { cause } = error instanceof Error ? error : { cause: undefined }
    throw new CommandError(`no gateway answers at ${base}: ${cause instanceof Error ? cause.message : String(error)}`)
  })
  if (answer.status === 404) return undefined
  if (!answer.ok)
    throw new CommandError(`the gateway at ${base} answers ${answer.status}: ${reasonIn(await answer.text())}`)
  return answer.status === 204 ? {} : answer.json()
}

/** `error` of a JSON answer; other text as it is. */
function reasonIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: unknown }
    return printable(typeof error === 'string' ? error : body)
  } catch {
    return printable(body)
  }
}
