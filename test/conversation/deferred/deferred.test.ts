import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { conversationSchema } from '../../../gateway/config/preferences.js'
import { createDeferred } from '../../../gateway/conversation/deferred/deferred.js'
import { startExpiry } from '../../../gateway/conversation/deferred/expiry.js'
import type { DeferredEvent } from '../../../gateway/conversation/deferred/recorder.js'
import type { Delivery, DeliveryOutcome } from '../../../gateway/conversation/delivery.js'
import type { Device } from '../../../gateway/conversation/port.js'
import { combine } from '../../../gateway/conversation/preferences.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../../gateway/cpm/message.js'
import { type Boxes, createBoxes } from '../../../gateway/spool/boxes.js'
import type { RedisHandle } from '../../../gateway/spool/redis.js'
import { redisForTest, spoolForTest, testClock } from '../../spool/kit.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'sip:bob@cpm.example' as Uri
const DELIVERED: DeliveryOutcome = { kind: 'delivered', said: '200 OK' }
const AWAY: DeliveryOutcome = { kind: 'unavailable', reason: 'recipient-unavailable', said: '480' }
const device = (instance: string): Device => ({ contact: 'sip:d', instance, features: {}, q: 1, expiresAt: 1e15 })

interface Over {
  readonly policies?: object
  readonly preferences?: object
  readonly answer?: (delivery: Delivery, count: number) => DeliveryOutcome | Promise<DeliveryOutcome>
  readonly redis?: RedisHandle
}

/** The function on a real store, with devices and a clock that the test plays. */
async function play({ policies = {}, preferences = {}, answer = () => DELIVERED, redis }: Over = {}) {
  const handle = redis ?? (await redisForTest())
  const spool = await spoolForTest(handle)
  const clock = testClock()
  const config = conversationSchema.parse({ deferred: policies })
  const sent: Delivery[] = []
  const told: [MessageId, string][] = []
  const events: DeferredEvent[] = []
  const waiters: { readonly done: () => boolean; readonly resolve: () => void }[] = []
  const changed = () => {
    for (const { done, resolve } of waiters) if (done()) resolve()
  }
  const until = (done: () => boolean) =>
    done() ? Promise.resolve() : new Promise<void>((resolve) => waiters.push({ done, resolve }))
  let devices: readonly Device[] | 'unknown' = []
  let register: (user: Uri) => void = () => {}
  const deferred = createDeferred({
    spool,
    boxes: createBoxes(handle),
    toDevices: async (delivery) => {
      sent.push(delivery)
      const outcome = await answer(delivery, sent.length)
      changed()
      return outcome
    },
    preferences: { of: async () => combine([preferences], config, { domain: 'cpm.example' }) },
    registrations: {
      devices: async () => devices,
      onAvailable: (listener) => {
        register = listener
      },
    },
    policies: config.deferred,
    retry: { first: 1, factor: 1, max: 1 },
    domain: 'cpm.example',
    clock,
    recorder: {
      event: (what) => {
        events.push(what)
        changed()
      },
    },
    undelivered: async ({ message: { messageId } }, reason) => {
      told.push([messageId, reason])
    },
    onError: (error) => {
      throw error
    },
  })
  deferred.start()
  onTestFinished(() => deferred.stop(AbortSignal.abort()))
  const message = (id: string, over: Partial<CpmMessage> = {}): CpmMessage => ({
    messageId: id as MessageId,
    from: ALICE,
    to: BOB,
    sentAt: clock.now() - 1_000,
    expiresAt: clock.now() + 3_600_000,
    privacy: false,
    dispositions: ['negative-delivery'],
    content: { type: 'text/plain', text: `text of ${id}` },
    ...over,
  })
  const keep = (id: string, over: Partial<CpmMessage> = {}, how: 'defer' | 'store' = 'defer') =>
    deferred.keep({ user: BOB, message: message(id, over), from: ALICE }, how)
  const ask = (text: string, user = BOB) =>
    deferred.request(
      {
        function: 'orig',
        originator: { uri: user, addresses: [user], device: 'urn:uuid:2' },
        target: deferred.address,
        content: { kind: 'message', message: message('ask') },
        maxForwards: 69,
        routes: [],
        said: 'MESSAGE',
      },
      message('ask', { content: { type: 'text/plain', text } }),
    )
  const ids = () => sent.map(({ content }) => (content.kind === 'message' ? content.message.messageId : ''))
  const texts = () =>
    sent.map(({ content }) =>
      content.kind === 'message' && 'text' in content.message.content ? content.message.content.text : '',
    )
  return {
    ...{ deferred, keep, ask, sent, ids, texts, told, events, clock, until, redis: handle },
    arrive(given: readonly Device[] | 'unknown' = [device('urn:uuid:1')]) {
      devices = given
      if (given !== 'unknown' && given.length > 0) register(BOB)
    },
  }
}

describe('push', () => {
  test('DEF-01 DEF-02 DEF-08 what was kept is pushed at a registration, as it was sent and marked as deferred', async () => {
    const { keep, arrive, until, sent, events, deferred } = await play()
    expect(await keep('m1', { subject: 'late' })).toEqual({ kind: 'kept' })
    expect([sent.length, await deferred.hasWaiting(BOB)]).toEqual([0, true])
    arrive()
    await until(() => events.includes('delivered'))
    expect(sent).toMatchObject([
      { user: BOB, from: ALICE, icsi: 'oma.cpm.deferred', content: { message: { messageId: 'm1', subject: 'late' } } },
    ])
  })

  test('DEF-09 in order, the next one only after the answer to the one before, each once', async () => {
    let underWay = 0
    const { keep, arrive, until, ids, events } = await play({
      answer: async () => {
        underWay += 1
        expect(underWay).toBe(1)
        await new Promise(setImmediate)
        underWay -= 1
        return DELIVERED
      },
    })
    const order = Array.from({ length: 60 }, (_, at) => `m${at}`)
    for (const id of order) await keep(id)
    arrive()
    arrive()
    arrive()
    await until(() => events.filter((event) => event === 'delivered').length === order.length)
    expect(ids()).toEqual(order)
    expect(await keep('m0')).toEqual({ kind: 'kept' })
    expect(events.filter((event) => event === 'kept').length).toBe(order.length)
  })

  test('a device that goes silent: what is not answered stays, and nothing overtakes it', async () => {
    const { keep, arrive, until, ids, events } = await play({ answer: (_, count) => (count === 2 ? AWAY : DELIVERED) })
    for (const id of ['m1', 'm2', 'm3']) await keep(id)
    arrive()
    await until(() => events.filter((event) => event === 'delivered').length === 3)
    expect(ids()).toEqual(['m1', 'm2', 'm2', 'm3'])
  })

  test('IMDN-10 what the device refuses is told to the sender, and the rest follows', async () => {
    const refused: DeliveryOutcome = { kind: 'refused', reason: 'content-unsupported', status: 415, said: '415' }
    const { keep, arrive, until, told, events } = await play({ answer: (_, n) => (n === 1 ? refused : DELIVERED) })
    await keep('m1')
    await keep('m2')
    arrive()
    await until(() => events.includes('delivered'))
    expect([told, events]).toEqual([[['m1', 'content-unsupported']], ['kept', 'kept', 'undeliverable', 'delivered']])
  })

  test('with a core that tells nothing of registrations, attempts show when he is back', async () => {
    const { keep, arrive, until, ids, events } = await play({ answer: (_, n) => (n < 3 ? AWAY : DELIVERED) })
    arrive('unknown')
    await keep('m1')
    await until(() => events.includes('delivered'))
    expect(ids()).toEqual(['m1', 'm1', 'm1'])
  })

  test('DEF-01 it survives a restart', async () => {
    const first = await play()
    await first.keep('m1')
    await first.deferred.stop(AbortSignal.abort())
    const second = await play({ redis: first.redis })
    second.arrive()
    await second.until(() => second.events.includes('delivered'))
    expect([first.ids(), second.ids()]).toEqual([[], ['m1']])
  })
})

describe('announcement, fetching and deleting', () => {
  const notify = { preferences: { waiting: 'notify' } }

  test('DEF-02 DEF-03 CPM-CONV-007 one system message with the number waiting, who, when, about what, and no content', async () => {
    const { keep, arrive, until, sent, texts } = await play(notify)
    await keep('m1', { subject: 'Lunch?\r\nX: y', priority: 'urgent', sentAt: 0 })
    await keep('m2')
    arrive()
    await until(() => sent.length === 1)
    expect(sent[0]).toMatchObject({ from: 'sip:deferred@cpm.example', icsi: 'oma.cpm.systemmsg' })
    const [text = ''] = texts()
    expect(text.split('\r\n\r\n')).toEqual([
      'Messages-Waiting: yes\r\nMessage-Account: sip:bob@cpm.example\r\nPager-Message: 2/0',
      expect.stringMatching(
        /^Message-ID: m1\r\nFrom: sip:alice@cpm.example\r\nTo: sip:bob@cpm.example\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nSubject: Lunch\? X: y\r\nPriority: urgent\r\nSize: 10$/,
      ),
      expect.stringMatching(/^Message-ID: m2\r\n/),
    ])
    expect(text).not.toContain('text of')
  })

  test('DEF-03 named ones are fetched, once, by the device that asks; others stay', async () => {
    const { keep, ask, until, sent, ids, events } = await play(notify)
    for (const id of ['m1', 'm2', 'm3']) await keep(id)
    expect(await ask('fetch m3 m1 m3')).toEqual({ status: 202 })
    await until(() => events.filter((event) => event === 'delivered').length === 2)
    expect(ids()).toEqual(['m3', 'm1'])
    expect(sent[0]).toMatchObject({ device: 'urn:uuid:2', icsi: 'oma.cpm.deferred' })
    expect(await ask('fetch m1')).toMatchObject({ status: 404 })
    expect(await ask('Fetch all')).toEqual({ status: 202 })
    await until(() => events.filter((event) => event === 'delivered').length === 3)
    expect(ids().at(-1)).toBe('m2')
  })

  test('CPM-CONV-009 one of several parts is fetched, and the message stays', async () => {
    const { keep, ask, until, sent, texts, events } = await play(notify)
    const text = '--b\r\n\r\nfirst\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>second\r\n--b--\r\n'
    await keep('m1', { content: { type: 'multipart/mixed;boundary=b', text }, dispositions: ['positive-delivery'] })
    expect(await ask('fetch m1 part 2')).toEqual({ status: 202 })
    await until(() => sent.length === 1)
    expect(texts()).toEqual(['<p>second'])
    expect(sent[0]).toMatchObject({ content: { message: { messageId: 'm1', dispositions: [] } } })
    expect(await ask('fetch m1')).toEqual({ status: 202 })
    await until(() => events.includes('delivered'))
  })

  test('DEF-04 deleted ones are told to their sender as failed', async () => {
    const { keep, ask, told, ids, events } = await play(notify)
    for (const id of ['m1', 'm2', 'm3']) await keep(id)
    expect(await ask('delete m2')).toEqual({ status: 200 })
    expect(await ask('delete m2')).toMatchObject({ status: 404 })
    expect(told).toEqual([['m2', 'deleted']])
    expect(await ask('delete all')).toEqual({ status: 200 })
    expect([told.length, ids(), events.slice(3)]).toEqual([3, [], ['deleted', 'deleted', 'deleted']])
  })

  test('nobody reaches the messages of another', async () => {
    const { keep, ask, told } = await play(notify)
    await keep('m1')
    expect(await ask('fetch m1', ALICE)).toMatchObject({ status: 404 })
    expect(await ask('delete m1', ALICE)).toMatchObject({ status: 404 })
    expect(await ask('delete all', ALICE)).toEqual({ status: 200 })
    expect(told).toEqual([])
  })

  test('list sends the summary to the device that asks', async () => {
    const { keep, ask, until, sent } = await play(notify)
    await keep('m1')
    expect(await ask('list')).toEqual({ status: 202 })
    await until(() => sent.length === 1)
    expect(sent[0]).toMatchObject({ device: 'urn:uuid:2', icsi: 'oma.cpm.systemmsg' })
  })

  test.each(['', 'fetch', 'fetch m1 part', 'fetch m1 part 0', 'delete', 'burn m1', `fetch ${'x '.repeat(300)}`])(
    'a request that cannot be read is 400 with what was expected: %j',
    async (text) => {
      const { ask } = await play(notify)
      expect(await ask(text)).toEqual({ status: 400, warning: expect.stringContaining('expected') })
    },
  )

  test('CPM-CONV-008 a reminder comes until nothing waits; without one, the same number is not told twice', async () => {
    const reminded = await play({ ...notify, policies: { remind: '1ms' } })
    await reminded.keep('m1')
    reminded.arrive()
    while (reminded.sent.length < 3) {
      reminded.clock.advance(1)
      await new Promise(setImmediate)
    }
    await reminded.ask('delete all')
    const once = await play(notify)
    await once.keep('m1')
    once.arrive()
    await once.until(() => once.sent.length === 1)
    once.arrive()
    await once.keep('m2')
    await once.until(() => once.sent.length === 2)
    expect(once.texts()[1]).toContain('Pager-Message: 2/0')
  })

  test('CPM-CONV-008 however often he registers, there is one reminder at a time', async () => {
    const { keep, arrive, until, sent, clock, redis } = await play({ ...notify, policies: { remind: '10m' } })
    const spool = await spoolForTest(redis)
    for (const id of ['m1', 'm2', 'm3']) {
      const told = sent.length
      await keep(id)
      arrive()
      await until(() => sent.length > told)
    }
    await vi.waitFor(async () => {
      const lane = (await spool.lanes()).find(({ lane }) => lane === 'deferred')
      expect(lane).toMatchObject({ queued: 0, underWay: 0, waiting: 1 })
    })
    clock.advance(600_000)
    arrive()
    await until(() => sent.length === 4)
  })

  test('DEF-05 what is stored stays until it is fetched, whatever he wants of deferred ones', async () => {
    const { keep, arrive, until, sent, texts, deferred } = await play()
    await keep('m1', {}, 'store')
    expect(await deferred.hasWaiting(BOB)).toBe(false)
    arrive()
    await until(() => sent.length === 1)
    expect(texts()[0]).toContain('Message-ID: m1')
  })
})

test('DEF-06 two senders who use the same Message-ID lose nothing', async () => {
  const { keep, arrive, until, texts, events } = await play()
  await keep('1', { content: { type: 'text/plain', text: 'of alice' } })
  await keep('1', { content: { type: 'text/plain', text: 'of alice' } })
  await keep('1', { from: 'sip:carol@cpm.example' as Uri, content: { type: 'text/plain', text: 'of carol' } })
  arrive()
  await until(() => events.filter((event) => event === 'delivered').length === 2)
  expect(texts()).toEqual(['of alice', 'of carol'])
})

describe('ends of life', () => {
  test("CPM-DEF-001 IMDN-10 the sender's expiry ends it, and he is told", async () => {
    const { keep, clock, until, events, told } = await play()
    await keep('m1', { expiresAt: clock.now() + 10_000 })
    await keep('m2')
    clock.advance(15_000)
    await until(() => events.includes('expired'))
    expect([told, events]).toEqual([[['m1', 'expired']], ['kept', 'kept', 'expired']])
  })

  test("CPM-DEF-002 the provider's longest life counts before the sender's", async () => {
    const { keep, clock, until, events, told } = await play({ policies: { maxLife: '10s' } })
    await keep('m1')
    clock.advance(15_000)
    await until(() => events.includes('expired'))
    expect(told).toEqual([['m1', 'expired']])
  })

  test('CPM-DEF-003 keep: it stays, and can be fetched', async () => {
    const { keep, ask, clock, until, events, told, ids } = await play({ policies: { atExpiry: 'keep' } })
    await keep('m1', { expiresAt: clock.now() + 10_000 })
    clock.advance(15_000)
    await until(() => events.includes('stored'))
    await ask('fetch m1')
    await until(() => events.includes('delivered'))
    expect([told, ids()]).toEqual([[], ['m1']])
  })

  test('CPM-DEF-003 extend: once, then it ends', async () => {
    const { keep, clock, until, events } = await play({ policies: { atExpiry: 'extend', extension: '60s' } })
    await keep('m1', { expiresAt: clock.now() + 10_000 })
    clock.advance(15_000)
    await until(() => events.includes('extended'))
    while (!events.includes('expired')) {
      clock.advance(20_000)
      await new Promise(setImmediate)
    }
    expect(events).toEqual(['kept', 'extended', 'expired'])
  })

  test('CPM-DEF-003 what another node has given a longer life meanwhile does not end', async () => {
    const clock = testClock()
    const message = { messageId: 'm1' as MessageId, dispositions: [] } as unknown as CpmMessage
    const content = { deferred: { user: BOB, from: ALICE, message }, extended: true }
    const entry = { id: 'm1', folder: 'deferred' as const, expiresAt: clock.now() + 60_000, content }
    const ended: string[] = []
    const looked = new Promise<void>((resolve) => {
      const boxes = {
        due: async () => [{ owner: BOB, id: 'm1' }],
        find: async () => {
          setImmediate(resolve)
          return entry
        },
        remove: async (_: string, ids: readonly string[]) => ended.push(...ids),
      }
      const { deferred: policies } = conversationSchema.parse({ deferred: { atExpiry: 'extend' } })
      const quiet = { recorder: { event: () => {} }, undelivered: async () => {}, onError: () => {} }
      onTestFinished(startExpiry({ ...quiet, policies, clock, boxes: boxes as unknown as Boxes }))
    })
    clock.advance(5_000)
    await looked
    expect(ended).toEqual([])
  })

  test('CPM-CONV-003 beyond the quota, by number or octets, a message is refused', async () => {
    const byNumber = await play({ policies: { maxMessages: 1 } })
    await byNumber.keep('m1')
    expect(await byNumber.keep('m2')).toEqual({ kind: 'refused', reason: 'recipient-unavailable' })
    expect(byNumber.events).toEqual(['kept', 'refused'])
    await byNumber.ask('delete m1')
    expect(await byNumber.keep('m3')).toEqual({ kind: 'kept' })
    const byOctets = await play({ policies: { maxBytes: '2KiB' } })
    await byOctets.keep('m1', { content: { type: 'text/plain', text: 'x'.repeat(1_500) } })
    expect(await byOctets.keep('m2', { content: { type: 'text/plain', text: 'x'.repeat(1_500) } })).toMatchObject({
      kind: 'refused',
    })
  })
})

test('two nodes on one store push in order, each message once', async () => {
  const redis = await redisForTest()
  const [one, two] = await Promise.all([play({ redis }), play({ redis })])
  const order = Array.from({ length: 40 }, (_, at) => `m${at}`)
  for (const id of order) await one.keep(id)
  const all: string[] = []
  one.arrive()
  two.arrive()
  await Promise.race([one, two].map((node) => node.until(() => one.ids().length + two.ids().length >= order.length)))
  all.push(...one.ids(), ...two.ids())
  expect([...all].sort()).toEqual([...order].sort())
  expect(
    [one.ids(), two.ids()].every((ids) =>
      ids.every((id, at) => at === 0 || order.indexOf(id) > order.indexOf(ids[at - 1] ?? '')),
    ),
  ).toBe(true)
})
