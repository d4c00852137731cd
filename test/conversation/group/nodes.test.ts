import { expect, test } from 'vitest'
import { createStoredMessages } from '../../../gateway/conversation/group/messages.js'
import { createResults } from '../../../gateway/conversation/group/results.js'
import {
  type GroupMessage,
  type GroupNotifyWork,
  keyOf,
  membersNote,
  messageNote,
  NOTIFY_LANE,
  RESULT_LANE,
  type ResultWork,
} from '../../../gateway/conversation/group/work.js'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { Disposition } from '../../../gateway/cpm/message.js'
import { HOUR, redisForTest, spoolForTest } from '../../spool/kit.js'

const MESSAGE = 'Msg-1' as MessageId
const ALICE = 'sip:alice@cpm.example' as Uri
const MEMBERS = Array.from({ length: 200 }, (_, index) => `sip:member${index}@cpm.example` as Uri)

test('IMDN-03 two nodes take the reports of two hundred members at once, each of them twice: all are told, none twice', async () => {
  const redis = await redisForTest()
  const spools = [await spoolForTest(redis, { node: 'gw1' }), await spoolForTest(redis, { node: 'gw2' })]
  const [spool] = spools
  const key = keyOf(MESSAGE)
  const until = Date.now() + HOUR
  const group: GroupMessage = {
    key,
    message: {
      messageId: MESSAGE,
      from: ALICE,
      to: 'sip:g@groups.example' as Uri,
      sentAt: 1,
      expiresAt: until,
      privacy: false,
      dispositions: ['positive-delivery', 'display'],
      content: { type: 'text/plain', text: 'hi' },
    },
    originator: { uri: ALICE, addresses: [ALICE] },
    address: 'sip:g@groups.example' as Uri,
    replyTo: { user: ALICE },
    group: {},
    reports: { policy: 'aggregate', wait: 200, maxBytes: 1_000_000, failures: true },
    maxForwards: 70,
    until,
  }
  const members = MEMBERS.map((uri) => ({ uri, account: uri }))
  await spool?.notes.put({ key: messageNote(key), value: JSON.stringify(group), lifeMs: HOUR })
  await spool?.notes.put({ key: membersNote(key), value: JSON.stringify(members), lifeMs: HOUR })

  const told: string[] = []
  let enough: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    enough = resolve
  })
  const limits = { parallel: () => 50, holdMs: HOUR }
  const poison = (_: unknown, reason: string) => ({ kind: 'failed', reason }) as const
  const nodes = spools.map((each) => {
    const results = createResults({
      spool: each,
      stored: createStoredMessages(each.notes),
      directory: undefined,
      clock: systemClock,
    })
    each.take<ResultWork>(RESULT_LANE, limits, results.handle, poison)
    const collect = async ({ item }: { item: { payload: GroupNotifyWork } }) => {
      told.push(...item.payload.notifications.map(({ recipient, disposition }) => `${recipient} ${disposition.status}`))
      if (told.length >= 2 * MEMBERS.length) enough()
      return { kind: 'done' } as const
    }
    each.take<GroupNotifyWork>(NOTIFY_LANE, limits, collect, poison)
    return results
  })

  const statuses: readonly Disposition[] = [
    { kind: 'delivery', status: 'delivered' },
    { kind: 'display', status: 'displayed' },
  ]
  for (const disposition of statuses) {
    await Promise.all(
      [...MEMBERS, ...MEMBERS].map((recipient, index) =>
        nodes[index % 2]?.notified([{ messageId: MESSAGE, sentAt: 1, recipient, disposition }], {
          uri: recipient,
          addresses: [recipient],
        }),
      ),
    )
  }
  await all
  expect(told.sort()).toEqual(MEMBERS.flatMap((member) => [`${member} delivered`, `${member} displayed`]).sort())
})
