import { toSipHeaders } from './headers.js'
import type { SrfMessage, SrfRequest, SrfResponse } from './srf.js'

/** INVITEs of the network without a final answer, so that each CANCEL finds its own. */
export interface PendingInvites {
  opened(request: SrfRequest, response: SrfResponse, onCancel: () => void): void
  answered(request: SrfRequest): void
}

interface Pending {
  readonly request: SrfRequest
  readonly response: SrfResponse
  readonly branch: string
  readonly onCancel: () => void
}

/**
 * COMPAT(drachtio-srf 5.0): it looks for the INVITE of a CANCEL by Call-ID and remembers one of each. One that passes both our
 * functions keeps its Call-ID and is here twice; so the branch decides, and those left are entered again.
 */
export function createPendingInvites(): PendingInvites {
  const byCallId = new Map<string, Pending[]>()

  function left(callId: string, gone: Pending): void {
    const others = (byCallId.get(callId) ?? []).filter((pending) => pending !== gone)
    const [next] = others
    if (!next) {
      byCallId.delete(callId)
      return
    }
    byCallId.set(callId, others)
    const { request, response } = next
    // After its handler drachtio-srf removes what is there.
    queueMicrotask(() => {
      if (!byCallId.get(callId)?.includes(next)) return
      request.agent.mapServer.get(request.socket)?.pendingNetworkInvites.set(callId, { req: request, res: response })
    })
  }

  function cancelled(callId: string, cancel: SrfMessage): void {
    const branch = branchOf(cancel)
    const found = (byCallId.get(callId) ?? []).find((pending) => pending.branch === branch)
    if (!found) return
    left(callId, found)
    found.onCancel()
  }

  return {
    opened(request, response, onCancel) {
      const callId = callIdOf(request)
      const pending = { request, response, branch: branchOf(request), onCancel }
      byCallId.set(callId, [...(byCallId.get(callId) ?? []), pending])
      request.on('cancel', (cancel) => cancelled(callId, cancel))
    },
    answered(request) {
      const callId = callIdOf(request)
      const found = byCallId.get(callId)?.find((pending) => pending.request === request)
      if (found) left(callId, found)
    },
  }
}

const callIdOf = (message: SrfMessage): string => toSipHeaders(message.headers).get('call-id') ?? ''

const branchOf = (message: SrfMessage): string =>
  /;\s*branch\s*=\s*([^\s;,]+)/i.exec(toSipHeaders(message.headers).get('via') ?? '')?.[1] ?? ''
