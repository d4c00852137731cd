import { describe, expect, it } from 'vitest'
import { copyOutside, copyWithin, writerOf } from '../../../gateway/conversation/group/copy.js'
import { copyId, type GroupMessage, keyOf, readCopyId } from '../../../gateway/conversation/group/work.js'
import type { ContributionId, ConversationId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../../gateway/cpm/message.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const NUMBER = 'tel:+12065550101' as Uri
const FRIENDS = 'sip:friends@groups.cpm.example' as Uri
const HANDSET = 'tel:+12065550199' as Uri
const originator = { uri: ALICE, addresses: [ALICE, NUMBER] }

const message: CpmMessage = {
  messageId: 'Msg-1' as MessageId,
  from: ALICE,
  fromName: 'Alice A.',
  to: FRIENDS,
  recordRoute: ['sip:other@lists.example'],
  sentAt: 1,
  expiresAt: 2,
  conversationId: 'c-1' as ConversationId,
  contributionId: 'k-1' as ContributionId,
  inReplyTo: 'k-0' as ContributionId,
  privacy: true,
  dispositions: ['display'],
  content: { type: 'text/plain', text: 'hi' },
}
const stored = (group?: GroupMessage['group']): GroupMessage => ({
  key: keyOf(message.messageId),
  message,
  originator,
  address: FRIENDS,
  replyTo: { user: ALICE },
  ...(group && { group }),
  reports: { policy: 'aggregate', wait: 1, maxBytes: 1, failures: true },
  maxForwards: 9,
  until: 3,
})
const work = { key: keyOf(message.messageId), index: 7, member: { uri: HANDSET, account: HANDSET } }

describe('copies', () => {
  it('CONV-12..14 within CPM it is the message itself, but for the way of its reports', () => {
    expect(copyWithin(stored({ writer: 'Alice' }), work)).toEqual({
      ...message,
      copyFor: HANDSET,
      recordRoute: [FRIENDS, 'sip:other@lists.example'],
    })
    expect(copyWithin(stored(), work)).toEqual({
      ...message,
      to: HANDSET,
      originalTo: FRIENDS,
      recordRoute: [FRIENDS, 'sip:other@lists.example'],
    })
  })

  it('outside CPM the group speaks, and the writer stands in the text; on a list he speaks himself', () => {
    const { fromName: _, recordRoute: __, ...kept } = message
    const own = { to: HANDSET, messageId: copyId(work.key, 7) }
    expect(copyOutside(stored({ name: 'Friends', writer: 'Alice' }), work)).toEqual({
      ...kept,
      ...own,
      from: FRIENDS,
      fromName: 'Friends',
      privacy: false,
      content: { type: 'text/plain', text: 'Alice: hi' },
    })
    expect(copyOutside(stored(), work)).toEqual({ ...kept, ...own, fromName: 'Alice A.' })
  })

  it.each([
    { type: 'image/png', base64: 'AAAA' },
    { type: 'text/html', text: '<p>hi</p>' },
  ])('only plain text is signed, not %o', (content) => {
    const group = stored({ writer: 'Alice' })
    expect(copyOutside({ ...group, message: { ...message, content } }, work).content).toBe(content)
  })

  it('the name of a copy leads back to its message and member, and no other name does', () => {
    expect(readCopyId(copyId(work.key, 7))).toEqual({ key: work.key, index: 7 })
    expect(readCopyId('Msg-1' as MessageId)).toBeUndefined()
  })

  it.each([
    ['name', {}, 'Alice'],
    ['name', { fromName: 'Al' }, 'Al'],
    ['address', { fromName: 'Al' }, '+12065550101'],
    ['none', {}, undefined],
    ['name', { privacy: true, fromName: 'Al' }, 'Anonymous'],
    ['address', { privacy: true }, 'Anonymous'],
  ] as const)('ID-18 the writer by policy %s, of %o, is %s', (policy, part, writer) => {
    const user = { uri: ALICE, addresses: [ALICE], displayName: 'Alice', password: '' }
    const directory = { find: () => user, all: () => [user] }
    expect(writerOf(policy, { privacy: false, ...part }, originator, directory)).toBe(writer)
  })

  it('without any name his number or the user part of his address stands for the writer', () => {
    expect(writerOf('name', { privacy: false }, originator, undefined)).toBe('+12065550101')
    expect(writerOf('name', { privacy: false }, { uri: ALICE, addresses: [ALICE] }, undefined)).toBe('alice')
  })
})
