import type { ConversationPolicies } from '../config/preferences.js'
import type { UserDirectory } from '../core/port.js'
import { ICSI } from '../cpm/features.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import { type Acceptance, answerFor } from '../interworking/acceptance.js'
import type { CpmRequest, CpmRequestHandler, SipAnswer } from '../sip/port.js'
import { admit, withContribution } from './admission.js'
import { type Deliver, type Delivery, type ToDevices, toSip } from './delivery.js'
import type { Dispositions } from './dispositions.js'
import type { Notifications } from './notifications.js'
import { createOriginating } from './originating.js'
import type { ControllingFunction, DeferredMessaging, PreferenceStore } from './port.js'
import type { ConversationRecorder } from './recorder.js'
import type { Repetitions } from './repetitions.js'

export interface ConversationOptions {
  readonly policies: ConversationPolicies
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly controlling: () => ControllingFunction | undefined
  readonly deferred: () => Pick<DeferredMessaging, 'address' | 'request'>
  readonly interworking: Acceptance
  readonly isOfService: (target: Uri) => boolean
  readonly preferences: PreferenceStore
  /** The terminating function. */
  readonly deliver: Deliver
  /** His devices, and nothing else. */
  readonly toDevices: ToDevices
  readonly onward: (request: CpmRequest, message: CpmMessage) => Promise<SipAnswer>
  readonly dispositions: Pick<Dispositions, 'asked'>
  readonly notifications: Pick<Notifications, 'receive'>
  readonly repetitions: Repetitions
  readonly recorder: ConversationRecorder
}

/**
 * The conversation server as SIP sees it: each request to the function it is for. The sender has been authenticated. The
 * topmost Route says which function; a group's address and a recipient list say that it is the controlling one (`MSG-10`).
 */
export function createConversation(options: ConversationOptions): CpmRequestHandler {
  const { policies, directory, interworking, preferences, deliver, repetitions, recorder } = options
  const originate = createOriginating({ ...options, terminate })

  /** A message that is for a user of ours, and what its sender hears of it. */
  async function terminate(request: CpmRequest, user: Uri, message: CpmMessage): Promise<SipAnswer> {
    const { originator, icid } = request
    const [before] = await Promise.all([
      repetitions.answeredBefore(user, message),
      request.function === 'orig' ? options.dispositions.asked(message, originator) : undefined,
    ])
    if (before) return before
    recorder.received(message, request.said)
    const outcome = await deliver(deliveryTo(user, request, message))
    recorder.concluded(message, outcome, icid)
    const answer = toSip(outcome)
    await repetitions.answered(user, message, answer)
    return answer
  }

  function fromSender(request: CpmRequest, received: CpmMessage): Promise<SipAnswer> {
    const admission = admit(received, request.originator, policies)
    if (admission.kind === 'refused') {
      const { answer } = admission
      recorder.refused(received, answer.status, answer.warning ?? '')
      return Promise.resolve(answer)
    }
    const deferred = options.deferred()
    if (request.target === deferred.address) return deferred.request(request, admission.message)
    return toGroup(request, admission.message) ?? originate(request, admission.message)
  }

  function toGroup(request: CpmRequest, message: CpmMessage): Promise<SipAnswer> | undefined {
    const recipients = request.content.kind === 'message' ? request.content.recipients : undefined
    const controlling = options.controlling()
    const isForGroup = recipients !== undefined || controlling?.hosts(request.target) === true
    return isForGroup ? controlling?.accept(request, message, recipients) : undefined
  }

  /** An external core calls this function for its users only. */
  async function toUser(request: CpmRequest, message: CpmMessage): Promise<SipAnswer> {
    const user = directory ? directory.find(request.target)?.uri : request.target
    if (user === undefined) return answerFor('unknown-recipient')
    return request.hasWaited ? pushOn(request, user, message) : terminate(request, user, message)
  }

  /** Our own store sends it, which keeps it until a device has it, and is told what they say. */
  async function pushOn(request: CpmRequest, user: Uri, message: CpmMessage): Promise<SipAnswer> {
    const { excluded } = await preferences.of(user)
    return toSip(await options.toDevices({ ...deliveryTo(user, request, message), icsi: ICSI.deferred }, excluded))
  }

  /** The ISF by itself, called by another function than ours: it reads the recipient's preferences, if he is ours (`FLOW-26`). */
  async function select(request: CpmRequest, message: CpmMessage): Promise<SipAnswer> {
    const user = directory?.find(request.target)
    const { services } = await preferences.of(user?.uri ?? request.target)
    if (services === undefined) return interworking.accept(request, message)
    return interworking.accept({ ...request, recipient: { services, addresses: user?.addresses ?? [] } }, message)
  }

  return (request) => {
    const { content } = request
    if (content.kind === 'notifications') return options.notifications.receive(request, content.notifications)
    if (request.function === 'orig') return fromSender(request, content.message)
    const message = withContribution(content.message)
    switch (request.function) {
      case 'term':
        return toGroup(request, message) ?? toUser(request, message)
      case 'isf':
        return select(request, message)
      case 'iwf':
        return interworking.accept(request, message)
    }
  }
}

function deliveryTo(user: Uri, request: CpmRequest, message: CpmMessage): Delivery {
  const { originator, maxForwards, routes, callerPreferences, icid, networkHeaders } = request
  return {
    user,
    content: { kind: 'message', message },
    from: message.from,
    senders: originator.addresses,
    maxForwards,
    routes,
    ...(message.fromName === undefined ? {} : { fromName: message.fromName }),
    ...(callerPreferences === undefined ? {} : { callerPreferences }),
    ...(icid === undefined ? {} : { icid }),
    ...(networkHeaders === undefined ? {} : { networkHeaders }),
  }
}
