import type { UserDirectory } from '../../core/port.js'
import { parseUri } from '../../cpm/address.js'
import type { Content, CpmMessage } from '../../cpm/message.js'
import type { Originator } from '../../sip/port.js'
import type { Group } from './groups.js'
import type { CopyWork, GroupMessage } from './work.js'
import { copyId } from './work.js'

/**
 * The copy for a CPM user. It is the message itself (`CONV-12` to `CONV-14`, `MSG-13`) but for To, where the group stays
 * and a list gives way to the recipient, and for the way back of reports, which leads through us (RFC 5438 §6.6, `FLOW-19`).
 */
export function copyWithin({ message, group, address }: GroupMessage, { member }: CopyWork): CpmMessage {
  const recordRoute = [address, ...(message.recordRoute ?? [])]
  if (group) return { ...message, to: address, copyFor: member.uri, recordRoute }
  return { ...message, to: member.uri, originalTo: message.originalTo ?? message.to, recordRoute }
}

/**
 * The copy for a member outside CPM, a message of its own there. A group speaks in its own name, so that answers come back to
 * it, and says in the text who wrote; on a list the sender speaks himself.
 */
export function copyOutside({ key, message, group, address }: GroupMessage, { index, member }: CopyWork): CpmMessage {
  const { listHistory: _, recordRoute: __, originalTo: ___, ...kept } = message
  const copy = { ...kept, messageId: copyId(key, index), to: member.uri }
  if (!group) return copy
  const { fromName: ____, ...unnamed } = copy
  return {
    ...unnamed,
    from: address,
    ...(group.name === undefined ? {} : { fromName: group.name }),
    // What it hid was the writer, and he is not in it.
    privacy: false,
    content: signed(message.content, group.writer),
  }
}

function signed(content: Content, writer: string | undefined): Content {
  if (writer === undefined || !('text' in content) || !/^text\/plain\b/i.test(content.type)) return content
  return { ...content, text: `${writer}: ${content.text}` }
}

/** What stands in front of a text for members outside CPM, by the group's policy. */
export function writerOf(
  policy: Group['writer'],
  { privacy, fromName }: Pick<CpmMessage, 'privacy' | 'fromName'>,
  { uri, addresses }: Originator,
  directory: UserDirectory | undefined,
): string | undefined {
  if (policy === 'none') return undefined
  if (privacy) return 'Anonymous'
  const number = addresses.find((address) => address.startsWith('tel:'))?.slice('tel:'.length)
  if (policy === 'address') return number ?? uri.replace(/^sips?:/, '')
  return fromName ?? directory?.find(uri)?.displayName ?? number ?? (parseUri(uri)?.user || uri)
}
