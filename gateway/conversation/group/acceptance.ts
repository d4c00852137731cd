import type { InterworkingPolicies } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import { type FailureReason, sipAnswerFor } from '../../cpm/failure.js'
import type { CpmMessage, ListedRecipient } from '../../cpm/message.js'
import { historyOf } from '../../cpm/recipient-list.js'
import { carriesMedia, octets } from '../../interworking/selection.js'
import type { CpmRequest, Originator, SipAnswer } from '../../sip/port.js'
import type { Note, Spool } from '../../spool/spool.js'
import { writerOf } from './copy.js'
import type { Group, Groups } from './groups.js'
import type { Member, Membership } from './membership.js'
import type { StoredMessages } from './messages.js'
import type { GroupRecorder } from './recorder.js'
import { FAN_OUT_LANE, type FanOutWork, type GroupMessage, keyOf, membersNote, messageNote } from './work.js'

export interface GroupAcceptanceOptions {
  readonly groups: Groups
  readonly membership: Membership
  readonly directory: UserDirectory | undefined
  readonly spool: Spool
  readonly stored: StoredMessages
  readonly policies: Pick<InterworkingPolicies, 'maxLife' | 'receiptWait'>
  readonly recorder: GroupRecorder
  readonly clock: Clock
}

type Accept = (request: CpmRequest, message: CpmMessage, recipients?: readonly ListedRecipient[]) => Promise<SipAnswer>

/** What a message is for: a group of ours, or the recipients its sender lists. */
type Audience = { readonly group: Group } | { readonly listed: readonly ListedRecipient[] }

/** The entrance of the controlling function: authorises (`MSG-11`), stores, answers (`MSG-12`); the copies leave after that. */
export function createGroupAcceptance(options: GroupAcceptanceOptions): Accept {
  const { groups, membership, directory, spool, stored, policies, recorder, clock } = options

  function audienceOf({ target }: CpmRequest, listed: readonly ListedRecipient[] | undefined): Audience | SipAnswer {
    if (target === groups.lists.address) {
      return listed ? { listed } : { status: 400, warning: 'a recipient list is expected (RFC 5365)' }
    }
    if (listed) {
      const headers = { Unsupported: 'recipient-list-message' }
      return { status: 420, warning: `recipient lists go to ${groups.lists.address}`, headers }
    }
    const group = groups.find(target)
    return group ? { group } : refusal('unknown-recipient', 'no such group')
  }

  /** Why it goes no further, in the order in which a sender can do something about it. */
  function objection(
    audience: Audience,
    { target, originator, maxForwards }: CpmRequest,
    { content, recordRoute = [] }: CpmMessage,
    members: readonly Member[],
  ): SipAnswer | undefined {
    if (recordRoute.includes(target)) return refusal('loop', 'the group has sent this message itself')
    if (maxForwards <= 0) return { status: 483, warning: 'too many hops' }
    if ('group' in audience && !membership.maySend(audience.group, originator)) {
      return refusal('sender-not-allowed', 'the group does not take messages of the sender')
    }
    if ('listed' in audience && audience.listed.every(({ unusable }) => unusable)) {
      return refusal('unknown-recipient', 'stored lists are not looked up')
    }
    const { maxMessage, maxMembers } = policiesOf(audience)
    const media = 'group' in audience ? membership.mediaOf(audience.group, originator) : groups.lists.policies.media
    if (media && !carriesMedia(media, content.type)) {
      return refusal('content-unsupported', `${media.join(', ')} is taken`)
    }
    if (octets(content) > maxMessage) return refusal('too-large', `a message may have ${maxMessage} octets`)
    if (members.length > maxMembers) {
      return refusal('sender-not-allowed', `a message may go to ${maxMembers} recipients`)
    }
    return undefined
  }

  const policiesOf = (audience: Audience) => ('group' in audience ? audience.group.policies : groups.lists.policies)

  function toStore(audience: Audience, request: CpmRequest, message: CpmMessage, until: number): GroupMessage {
    const { originator, target, maxForwards, icid } = request
    return {
      key: keyOf(message.messageId),
      message: 'group' in audience ? message : { ...message, ...withHistory(audience.listed) },
      originator,
      address: target,
      replyTo: { user: originator.uri, ...(originator.device === undefined ? {} : { device: originator.device }) },
      ...('group' in audience ? { group: face(audience.group, message, originator) } : {}),
      reports: policiesOf(audience).reports,
      maxForwards,
      ...(icid === undefined ? {} : { icid }),
      until,
    }
  }

  function face({ name, writer: policy }: Group, message: CpmMessage, originator: Originator) {
    const writer = writerOf(policy, message, originator, directory)
    return { ...(name === undefined ? {} : { name }), ...(writer === undefined ? {} : { writer }) }
  }

  /** The same message again is answered as before; another one with its name would get the reports of this one. */
  async function repeated({ key, originator, address }: GroupMessage, message: CpmMessage): Promise<SipAnswer> {
    const known = (await stored.find(key))?.message
    if (known && (known.originator.uri !== originator.uri || known.address !== address)) {
      return refusal('sender-not-allowed', 'another message has this imdn.Message-ID')
    }
    recorder.repeated(message)
    return { status: 202 }
  }

  return async (request, received, listed) => {
    recorder.received(received, request.said)
    const audience = audienceOf(request, listed)
    if ('status' in audience) return refuse(received, audience)
    const members =
      'group' in audience
        ? membership.recipients([], request.originator, audience.group)
        : membership.recipients(audience.listed, request.originator)
    const now = clock.now()
    const message = asAccepted(request, received, now + policies.maxLife)
    const objected = objection(audience, request, message, members)
    if (objected) return refuse(received, objected)
    const until = message.expiresAt + policies.receiptWait
    const group = toStore(audience, request, message, until)
    const item = {
      id: `group|${group.key}`,
      lane: FAN_OUT_LANE,
      attempts: 0,
      acceptedAt: now,
      expiresAt: message.expiresAt,
      payload: { key: group.key } satisfies FanOutWork,
    }
    const lifeMs = until - now
    const notes: Note[] = [
      { key: messageNote(group.key), value: JSON.stringify(group), lifeMs },
      { key: membersNote(group.key), value: JSON.stringify(members), lifeMs },
    ]
    const outcome = await spool.put(item, { rememberMs: lifeMs, notes })
    if (outcome === 'duplicate') return repeated(group, message)
    recorder.stored(message, members.length)
    return { status: 202 }
  }

  function refuse(message: CpmMessage, answer: SipAnswer): SipAnswer {
    recorder.refused(message, answer)
    return answer
  }
}

/**
 * The message as copies carry it. A service identifier is a fact in what comes from a service, and in a client's request only a
 * hint about one recipient (`IW-39`). Whose copy it was so far, when the group is a member of another one, is over.
 */
function asAccepted({ function: called }: CpmRequest, message: CpmMessage, latest: number): CpmMessage {
  const { service, copyFor: _, ...rest } = message
  const fact = called === 'term' && service !== undefined ? { service } : {}
  return { ...rest, ...fact, expiresAt: Math.min(message.expiresAt, latest) }
}

function withHistory(listed: readonly ListedRecipient[]): Pick<CpmMessage, 'listHistory'> {
  const listHistory = historyOf(listed)
  return listHistory.length === 0 ? {} : { listHistory }
}

const refusal = (reason: FailureReason, warning: string): SipAnswer => ({
  status: sipAnswerFor(reason).status,
  warning,
})
