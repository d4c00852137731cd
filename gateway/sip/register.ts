import type { EmbeddedCore } from '../core/embedded-core.js'
import { parseNameAddrs, uriOf } from '../core/name-addr.js'
import { type EdgeAnswer, type Refusal, refusal, tooManyWrong } from './answer.js'
import { flowOf } from './flow.js'
import type { IncomingRequest } from './link.js'

/** A REGISTER at the embedded core: who asks must prove to be himself (`REG-11`). Rejects with SpoolUnavailable. */
export async function answerRegister(request: IncomingRequest, core: EmbeddedCore): Promise<EdgeAnswer | Refusal> {
  const { headers } = request
  const addressOfRecord = uriOf(headers.get('to'))
  const callId = headers.get('call-id')
  const cseq = Number(/^\s*(\d{1,10})\s/.exec(headers.get('cseq') ?? '')?.[1])
  if (addressOfRecord === undefined || callId === undefined || !Number.isInteger(cseq)) {
    return refusal(400, 'syntax', 'To, Call-ID or CSeq cannot be read')
  }
  const outcome = await core.authenticator.authenticate(headers.get('authorization'), request)
  switch (outcome.kind) {
    case 'challenge':
      return { status: 401, headers: { 'WWW-Authenticate': outcome.challenges } }
    case 'wrong':
      return refusal(403, 'credentials', 'wrong user or password')
    case 'wait':
      return tooManyWrong(outcome.seconds)
    case 'user': {
      const contact = headers.get('contact')
      const expires = headers.get('expires')
      const name = parseNameAddrs(headers.get('from') ?? '')?.[0]?.name
      return core.registrar.register({
        user: outcome.user,
        addressOfRecord,
        callId,
        cseq,
        flow: flowOf(request),
        ...(contact !== undefined && { contact }),
        ...(expires !== undefined && { expires }),
        ...(name !== undefined && { name }),
      })
    }
  }
}
