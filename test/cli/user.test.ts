import { beforeEach, expect, test, vi } from 'vitest'
import { gatewayUri } from '../../gateway/cli/user.js'
import type { MessageId } from '../../gateway/cpm/ids.js'
import type { DispositionNotification } from '../../gateway/cpm/message.js'
import type { SipOutcome } from '../../gateway/sip/port.js'
import type { OutgoingText, UserAgentOptions } from '../../gateway/sip/user-agent.js'
import { fileWith } from '../config/folder.js'
import { causeway } from './terminal.js'

/** A user agent that answers as the test wants; the real one has its own tests. */
const fake = vi.hoisted(() => ({
  options: undefined as UserAgentOptions | undefined,
  sent: [] as OutgoingText[],
  stopped: 0,
  register: async (): Promise<void> => {},
  send: async (_options: UserAgentOptions): Promise<SipOutcome> => ({ kind: 'unsent', said: '' }),
}))

vi.mock('../../gateway/sip-server/server.js', () => ({
  startSipServer: async () => ({
    control: { host: '127.0.0.1', port: 1 },
    stop: async () => void fake.stopped++,
  }),
}))
vi.mock('../../gateway/cpm/identity.js', async (original) => ({
  ...(await original<typeof import('../../gateway/cpm/identity.js')>()),
  newMessageId: () => 'm1',
}))
vi.mock('../../gateway/sip/user-agent.js', () => ({
  createUserAgent: (options: UserAgentOptions) => {
    fake.options = options
    return {
      uri: `sip:${options.user}@${options.domain}`,
      register: () => fake.register(),
      async send(message: OutgoingText) {
        fake.sent.push(message)
        return { messageId: message.messageId, outcome: await fake.send(options) }
      },
      displayed: async () => undefined,
      stop: async () => void fake.stopped++,
    }
  },
}))

const accepted: SipOutcome = { kind: 'answered', status: 202, reason: 'Accepted', said: '' }
const imdn = (kind: 'delivery' | 'display', status: 'delivered' | 'displayed' | 'failed') =>
  ({ messageId: 'm1', sentAt: 0, recipient: 'tel:+15550100', disposition: { kind, status } }) as DispositionNotification
const configuration = () => fileWith('users: {alice: {password: secret-of-alice}}\n')
const send = (...args: string[]) =>
  causeway(['send', '-c', configuration(), '-f', 'alice', '-t', 'tel:+15550100', ...args])

beforeEach(() => {
  fake.sent.length = 0
  fake.stopped = 0
  fake.register = async () => {}
  fake.send = async () => accepted
})

test('send registers the user of the configuration, sends, prints the answer and leaves', async () => {
  const session = await send('hello', '--conversation', 'c1', '--reply-to', 'k1', '--service', 'sms', '--subject', 's')
  expect(session).toEqual({ code: 0, out: ['202 Accepted  message m1'], error: [] })
  expect(fake.sent).toEqual([
    {
      messageId: 'm1',
      to: 'tel:+15550100',
      content: { type: 'text/plain', text: 'hello' },
      dispositions: [],
      conversationId: 'c1',
      inReplyTo: 'k1',
      service: 'sms',
      subject: 's',
    },
  ])
  expect(fake.options).toMatchObject({
    user: 'alice',
    password: 'secret-of-alice',
    coreUri: 'sip:127.0.0.1:5060;transport=tcp',
    domain: 'cpm.example',
  })
  expect(fake.stopped).toBe(2)
})

test('send --wait ends with the last report asked for, or the first failure, or the time', async () => {
  fake.send = async ({ onNotification }) => {
    onNotification(imdn('delivery', 'delivered'))
    onNotification(imdn('display', 'displayed'))
    return accepted
  }
  const both = await send('hello', '--wait', '60', '--report', 'delivery,display')
  expect(both).toMatchObject({
    code: 0,
    out: ['delivery delivered  tel:+15550100', 'display displayed  tel:+15550100', '202 Accepted  message m1'],
  })
  expect(fake.sent[0]?.dispositions).toEqual(['positive-delivery', 'negative-delivery', 'display'])

  fake.send = async ({ onNotification }) => {
    onNotification(imdn('delivery', 'failed'))
    return accepted
  }
  expect((await send('hello', '--wait')).code).toBe(1)
  fake.send = async ({ onNotification }) => {
    onNotification(imdn('delivery', 'delivered'))
    return accepted
  }
  const late = await send('hello', '--wait', '0.01', '--report', 'delivery,display')
  expect([late.code, late.error]).toEqual([3, ['no report in time; how far the message came: causeway trace m1']])
})

test('send --wait passes over reports about other messages of the same user', async () => {
  fake.send = async ({ onNotification }) => {
    onNotification({ ...imdn('delivery', 'delivered'), messageId: 'another' as MessageId })
    return accepted
  }
  const session = await send('hello', '--wait', '0.01')
  expect([session.code, session.out]).toEqual([3, ['202 Accepted  message m1']])
})

test('send refuses what is no address before it registers', async () => {
  const { code, error } = await causeway(['send', '-c', configuration(), '-f', 'alice', '-t', 'nobody', 'x'])
  expect([code, error]).toEqual([2, ['expected an address such as tel:+12065550100, found nobody']])
  expect(fake.stopped).toBe(0)
})

test.each<[SipOutcome, string]>([
  [{ kind: 'answered', status: 403, reason: 'Forbidden', said: '' }, '403 Forbidden  message m1'],
  [
    { kind: 'answered', status: 480, reason: 'Gone', said: '480 Gone (399 cpm.example "no device")' },
    '480 Gone (no device)  message m1',
  ],
  [{ kind: 'silent', said: 'timer F' }, 'no answer: timer F  message m1'],
  [{ kind: 'unsent', said: 'no link' }, 'not sent: no link  message m1'],
])('send exits with 1 when the message was not taken: %j', async (outcome, line) => {
  fake.send = async () => outcome
  expect(await send('hello', '--wait', '60')).toMatchObject({ code: 1, out: [line] })
})

test('a user the configuration does not have, or that may not register, is a plain word', async () => {
  expect(await causeway(['send', '-c', configuration(), '-f', 'bob', '-t', 'sip:a@b', 'x'])).toMatchObject({
    code: 2,
    error: ['expected a user of the configuration (alice), found bob'],
  })
  fake.register = () => Promise.reject(new Error('403 Forbidden'))
  expect(await send('x')).toMatchObject({
    code: 1,
    error: ['cannot register alice at sip:127.0.0.1:5060;transport=tcp: 403 Forbidden'],
  })
  fake.register = () => Promise.reject(new Error('503 Service Unavailable'))
  expect((await send('x')).error).toEqual([
    'cannot register alice at sip:127.0.0.1:5060;transport=tcp: 503 Service Unavailable (is the gateway running?)',
  ])
  expect(fake.stopped).toBe(4)
})

test('listen prints messages and reports until interrupted', async () => {
  const stop = new AbortController()
  fake.register = async () => {
    fake.options?.onMessage({
      messageId: 'm2',
      from: 'tel:+15550100',
      to: 'sip:alice@cpm.example',
      sentAt: 0,
      expiresAt: 1,
      conversationId: 'c1',
      service: 'sms',
      privacy: false,
      dispositions: [],
      content: { type: 'text/plain', text: 'two\nlines' },
    } as never)
    fake.options?.onNotification(imdn('delivery', 'delivered'))
    stop.abort()
  }
  expect(await causeway(['listen', '-c', configuration(), '--as', 'alice'], { stop: stop.signal })).toEqual({
    code: 0,
    out: [
      'delivery delivered  tel:+15550100  message m1',
      'sip:alice@cpm.example is registered and listens',
      'tel:+15550100: two lines  (by sms, conversation c1)',
    ],
    error: [],
  })
})

test.each([
  [['udp:127.0.0.1:5060'], 'sip:127.0.0.1:5060;transport=udp'],
  [['udp:0.0.0.0:5060', 'tcp:0.0.0.0:5061'], 'sip:127.0.0.1:5061;transport=tcp'],
  [['tcp:127.0.0.1:0', 'udp:[::]:5060'], 'sip:[::1]:5060;transport=udp'],
])('the gateway that listens on %j is reached at %s', (listen, uri) => {
  expect(gatewayUri(listen)).toBe(uri)
})
