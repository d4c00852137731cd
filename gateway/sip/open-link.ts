import { openCallLink } from './call-link.js'
import { openRequestLink } from './control/request-link.js'
import type { Link, LinkOptions } from './link.js'

/** Methods that make no sense without a call; the server hands a request to the connection that asked for its method. */
const OF_CALLS = new Set(['INVITE', 'ACK', 'BYE', 'UPDATE'])

/**
 * Connects to the control port: once for the requests that stand alone and, if INVITEs are taken, once more for calls. What goes in a
 * dialog of the server goes by the connection of the calls, so that it stays behind their ACKs. Rejects when it cannot connect, or
 * when the secret is refused; when one connection is lost the other is closed.
 */
export async function openLink(options: LinkOptions, connectTimeoutMs: number): Promise<Link> {
  const { methods, onInvite, ...common } = options
  const links: Pick<Link, 'close'>[] = []
  let lost: string | undefined
  let open = false
  const onLost = (why: string): void => {
    if (lost !== undefined) return
    lost = why
    for (const link of links) link.close()
    if (open) options.onLost(why)
  }
  const requests = await openRequestLink(
    { ...common, methods: methods.filter((method) => !isOfCalls(method)), onLost },
    connectTimeoutMs,
  )
  links.push(requests)
  const calls = onInvite && (await openCalls({ ...common, onInvite, methods: methods.filter(isOfCalls), onLost }))
  if (calls) links.push(calls)
  if (lost !== undefined) {
    for (const link of links) link.close()
    throw new Error(lost)
  }
  open = true

  function openCalls(callOptions: LinkOptions): Promise<Link> {
    return openCallLink(callOptions, connectTimeoutMs).catch((error: unknown) => {
      requests.close()
      throw error
    })
  }

  return {
    request(request, timeoutMs, onTaken) {
      const link = calls !== undefined && request.dialogId !== undefined ? calls : requests
      return link.request(request, timeoutMs, onTaken)
    },
    invite(request, timeoutMs, events) {
      if (calls) return calls.invite(request, timeoutMs, events)
      events.final({ kind: 'refused', said: 'no link for calls' }, '')
      return { cancel: () => undefined }
    },
    listening: requests.listening,
    close() {
      for (const link of links) link.close()
    },
  }
}

const isOfCalls = (method: string): boolean => OF_CALLS.has(method)
