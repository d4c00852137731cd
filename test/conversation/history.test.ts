import { expect, onTestFinished, test } from 'vitest'
import { createHistory, itemOf } from '../../gateway/conversation/history.js'
import type { ConversationId, MessageId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../gateway/cpm/message.js'
import { createArchive } from '../../gateway/spool/archive.js'
import { testClock } from '../spool/kit.js'
import { openTestRedis } from '../support/redis.js'
import { openStage } from './stage.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'sip:bob@cpm.example' as Uri
const OFFERED = { history: { offered: true } }

test('GAP-01 ID-22 CONV-04 CPM-CONV-041 both sides find their messages again, by conversation, with what answers what', async () => {
  const stage = await openStage({
    conversation: OFFERED,
    preferences: { alice: { history: true }, bob: { history: true } },
  })
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const headers = (contribution: string, more: [string, string][] = []): [string, string][] => [
    ['Conversation-ID', 'conversation-1'],
    ['Contribution-ID', contribution],
    ...more,
  ]
  await alice.say({ to: BOB, text: 'lunch?', headers: headers('c1') })
  await bob.say({ to: ALICE, text: 'yes', headers: headers('c2', [['InReplyTo-Contribution-ID', 'c1']]) })
  await alice.say({ to: BOB, text: 'another matter' })
  const { items } = await stage.history.read(ALICE, { conversation: 'conversation-1' })
  expect(items).toMatchObject([
    { direction: 'received', with: BOB, content: { text: 'yes' }, contributionId: 'c2', inReplyTo: 'c1' },
    { direction: 'sent', with: BOB, content: { text: 'lunch?' }, contributionId: 'c1' },
  ])
  const his = await stage.history.read(BOB, {})
  expect(his.items.map(({ direction, content }) => [direction, 'text' in content && content.text])).toEqual([
    ['received', 'another matter'],
    ['sent', 'yes'],
    ['received', 'lunch?'],
  ])
  await stage.history.clear(BOB)
  expect(await stage.history.read(BOB, {})).toEqual({ items: [] })
})

test('GAP-01 nothing is kept of one who has not asked, or when the provider does not offer it', async () => {
  const silent = await openStage({ conversation: OFFERED, preferences: { alice: { history: true } } })
  const [alice] = [await silent.device('alice'), await silent.device('bob')]
  await alice.say({ to: BOB, text: 'hi' })
  expect((await silent.history.read(ALICE, {})).items.length).toBe(1)
  expect(await silent.history.read(BOB, {})).toEqual({ items: [] })
  const without = await openStage({ preferences: { alice: { history: true } } })
  const sender = await without.device('alice')
  await without.device('bob')
  await sender.say({ to: BOB, text: 'hi' })
  expect(await without.history.read(ALICE, {})).toEqual({ items: [] })
})

/** A history on a real store, with a clock that the test moves. */
async function history(policies: { readonly maxMessages: number; readonly maxAge: number }) {
  const redis = await openTestRedis()
  onTestFinished(() => redis.stop())
  const clock = testClock()
  const made = createHistory({
    archive: createArchive(redis),
    preferences: { of: async () => ({ history: true }) as never },
    policies: { offered: true, ...policies },
    clock,
    onError: (error) => {
      throw error
    },
  })
  const message = (id: string): CpmMessage => ({
    messageId: id as MessageId,
    conversationId: 'c' as ConversationId,
    from: ALICE,
    to: BOB,
    sentAt: clock.now(),
    expiresAt: clock.now() + 1,
    privacy: false,
    dispositions: [],
    content: { type: 'text/plain', text: id },
  })
  const ids = async (before?: number) =>
    (await made.read(ALICE, before === undefined ? {} : { before })).items.map(({ messageId }) => messageId)
  return { ...made, clock, message, ids }
}

test('the oldest go first, by number and by age, and the same message is one item', async () => {
  const { sent, clock, message, ids } = await history({ maxMessages: 3, maxAge: 10_000 })
  for (const id of ['m1', 'm2', 'm2', 'm3', 'm4']) {
    await sent(ALICE, message(id))
    clock.advance(1_000)
  }
  expect(await ids()).toEqual(['m4', 'm3', 'm2'])
  clock.advance(8_001)
  await sent(ALICE, message('m5'))
  expect(await ids()).toEqual(['m5', 'm4'])
})

test('long histories come in pages', async () => {
  const { sent, clock, message, read } = await history({ maxMessages: 1_000, maxAge: 86_400_000 })
  // Many come within one millisecond, and none of them falls between two pages.
  const order = Array.from({ length: 150 }, (_, at) => `m${at}`)
  for (const id of order) await sent(ALICE, message(id))
  clock.advance(1)
  const first = await read(ALICE, {})
  const second = await read(ALICE, { before: first.before ?? 0 })
  expect([first.items.length, second.items.length, second.before]).toEqual([100, 50, undefined])
  expect([...first.items, ...second.items].map(({ messageId }) => messageId)).toEqual(order.reverse())
})

test('ID-22 a conversation is found among others, however far back', async () => {
  const { sent, message, read } = await history({ maxMessages: 1_000, maxAge: 86_400_000 })
  await sent(ALICE, { ...message('old'), conversationId: 'long ago' as ConversationId })
  for (let at = 0; at < 250; at++) await sent(ALICE, message(`m${at}`))
  const page = await read(ALICE, { conversation: 'long ago' })
  expect([page.items.map(({ messageId }) => messageId), page.before]).toEqual([['old'], undefined])
})

test('ID-18 who wrote without a name is not named afterwards either', () => {
  const message = { messageId: 'm', from: ALICE, to: BOB, privacy: true, content: { type: 'text/plain', text: 'x' } }
  const his = JSON.stringify(itemOf('received', message as unknown as CpmMessage))
  expect(his).not.toContain('alice')
  expect(itemOf('sent', message as unknown as CpmMessage).from).toBe(ALICE)
})

test('an item holds what the message held, and nothing more', () => {
  const bare = itemOf('sent', {
    messageId: 'm' as MessageId,
    from: ALICE,
    to: BOB,
    sentAt: 1,
    expiresAt: 2,
    privacy: false,
    dispositions: ['display'],
    content: { type: 'text/plain', text: 'x' },
  })
  expect(Object.keys(bare).sort()).toEqual(['content', 'direction', 'from', 'messageId', 'sentAt', 'to', 'with'])
})
