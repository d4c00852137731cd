import { describe, expect, test } from 'vitest'
import { createTakeOver } from '../../../gateway/conversation/session/large/take-over.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { NotifyWork } from '../../../gateway/interworking/work.js'
import type { CpmRequest, SipAnswer } from '../../../gateway/sip/port.js'
import type { SpoolItem, Taken, Verdict } from '../../../gateway/spool/spool.js'
import { testClock } from '../../core/support.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'sip:bob@cpm.example' as Uri

const request: CpmRequest = {
  function: 'orig',
  originator: { uri: ALICE, addresses: [ALICE] },
  target: BOB,
  content: {
    kind: 'message',
    message: {
      messageId: 'm1' as MessageId,
      from: ALICE,
      to: BOB,
      sentAt: 0,
      expiresAt: Number.MAX_SAFE_INTEGER,
      privacy: false,
      dispositions: ['negative-delivery'],
      content: { type: 'text/plain', text: 'long' },
    },
  },
  maxForwards: 70,
  routes: [],
  said: 'INVITE',
}

/** The lane played: what was put into it is handed over by the test. */
function open() {
  const clock = testClock()
  const stored: SpoolItem[] = []
  const notified: NotifyWork[] = []
  const answers: ((answer: SipAnswer) => void)[] = []
  let carry: (taken: Taken<CpmRequest>) => Promise<Verdict<CpmRequest>> = async () => ({ kind: 'done' })
  const takeOver = createTakeOver({
    handle: () => new Promise((resolve) => answers.push(resolve)),
    notify: async (work) => void notified.push(work),
    spool: {
      async put(item) {
        stored.push(item)
        return 'stored'
      },
      take(_lane, _limits, handle) {
        carry = handle as unknown as typeof carry
        return { wake: () => undefined, stop: async () => undefined }
      },
    },
    retry: { first: 1_000, factor: 2, max: 10_000 },
    rememberMs: 1,
    parallel: 1,
    clock,
  })
  takeOver.start()
  const taken = (expired = false): Taken<CpmRequest> => ({
    item: stored[0] as SpoolItem<CpmRequest>,
    recovered: false,
    expired,
  })
  return { clock, stored, notified, answers, takeOver, carry: (expired?: boolean) => carry(taken(expired)) }
}

describe('a large message whose recipient takes his time', () => {
  test('is answered as he answers, when that is soon enough', async () => {
    const { takeOver, answers, stored } = open()
    const answer = takeOver.take(request)
    answers[0]?.({ status: 603 })
    expect([await answer, stored]).toEqual([{ status: 603 }, []])
  })

  test('is stored before its sender is answered; its delivery is not begun anew', async () => {
    const { takeOver, answers, stored, clock, carry, notified } = open()
    const answer = takeOver.take(request)
    clock.advance(20_000)
    expect(await answer).toEqual({ status: 202 })
    expect(stored.map(({ id, payload }) => [id, payload])).toEqual([[`${ALICE}|${BOB}|m1`, request]])
    const carried = carry()
    answers[0]?.({ status: 200 })
    expect([await carried, answers.length, notified]).toEqual([{ kind: 'done' }, 1, []])
  })

  test('IMDN-11: is tried again while that may help; a refusal, and the end of its life, are notified', async () => {
    const { takeOver, answers, clock, carry, notified } = open()
    const answer = takeOver.take(request)
    clock.advance(20_000)
    await answer
    answers[0]?.({ status: 480 })
    expect(await carry()).toMatchObject({ kind: 'later', why: '480' })
    const refused = carry()
    answers[1]?.({ status: 403 })
    expect(await refused).toEqual({ kind: 'done' })
    await carry(true)
    expect(notified.map(({ notification, replyTo }) => [notification.disposition.status, replyTo.user])).toEqual([
      ['failed', ALICE],
      ['failed', ALICE],
    ])
  })
})
