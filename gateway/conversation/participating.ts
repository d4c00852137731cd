import type { UserDirectory } from '../core/port.js'
import type { DispositionNotification } from '../cpm/message.js'
import { type Acceptance, answerFor } from '../interworking/acceptance.js'
import type { CpmRequest, CpmRequestHandler, Originator, SipAnswer } from '../sip/port.js'
import type { Deliver, DeliveryOutcome } from './delivery.js'
import type { ConversationRecorder } from './recorder.js'

export interface ParticipatingOptions {
  /** The users of the embedded core; absent with an external one, which keeps requests for its users to itself. */
  readonly directory: UserDirectory | undefined
  readonly interworking: Acceptance
  readonly deliver: Deliver
  readonly recorder: ConversationRecorder
  /**
   * Forwards a notification about a message of a service to that service, if it comes from the user who got the message;
   * true if it was for one (`IWF-REP-01`).
   */
  readonly forwardNotification: (notification: DispositionNotification, from: Originator) => Promise<boolean>
}

/**
 * The participating function: decides whether a request stays within CPM or leaves it (`MSG-05`, `FLOW-25a`). The sender is
 * authenticated already. A request whose topmost Route names the ISF, the IWF or a terminating user has been decided by
 * somebody else and leaves CPM here.
 */
export function createParticipating({
  directory,
  interworking,
  deliver,
  recorder,
  forwardNotification,
}: ParticipatingOptions): CpmRequestHandler {
  async function notifications(request: CpmRequest, list: readonly DispositionNotification[]): Promise<SipAnswer> {
    const user = directory?.find(request.target)
    if (user) {
      return toSip(await deliver({ user: user.uri, content: request.content, from: request.originator.uri }))
    }
    // A notification is never refused for want of somebody to tell: it must not cause another one (IMDN-19).
    for (const notification of list) await forwardNotification(notification, request.originator)
    return { status: 200 }
  }

  return async (request) => {
    const { content } = request
    if (content.kind === 'notifications') return notifications(request, content.notifications)
    const { message } = content
    // A reply that names a service goes to the ISF, which honours or ignores the name (IW-39).
    const user =
      request.function === 'orig' && message.service === undefined ? directory?.find(request.target) : undefined
    if (!user) return interworking.accept(request, message)
    recorder.received(message, request.said)
    const outcome = await deliver({
      user: user.uri,
      content,
      from: request.originator.uri,
      ...(message.fromName === undefined ? {} : { fromName: message.fromName }),
    })
    recorder.concluded(message, outcome)
    return toSip(outcome)
  }
}

/** What a device said is what the sender hears (`MSG-18`, `IW-02`). */
function toSip(outcome: DeliveryOutcome): SipAnswer {
  if (outcome.kind === 'delivered') return { status: 200 }
  if (outcome.kind === 'refused') return { status: outcome.status, warning: outcome.said }
  return answerFor(outcome.reason, outcome.said)
}
