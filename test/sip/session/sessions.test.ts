import { expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { IncomingInvite } from '../../../gateway/sip/incoming.js'
import { createSessions } from '../../../gateway/sip/session/sessions.js'
import type { SipStack } from '../../../gateway/sip/stack.js'
import { silent } from '../support.js'
import { sdp } from './stage.js'

/** The sessions of an edge whose SIP server does what the test says. */
function open(invite: SipStack['invite'] = () => ({ cancel: () => undefined })) {
  const faults: unknown[] = []
  const counted: number[] = []
  const sessions = createSessions({
    stack: { request: () => Promise.reject(new Error('not played')), invite },
    identity: { domain: 'cpm.example', isTrusted: () => true },
    limits: { domain: 'cpm.example', maxMessage: 10_000, maxLife: 1_000 },
    outbound: { domain: 'cpm.example' },
    timerSeconds: 1_800,
    sendInDialog: () => Promise.reject(new Error('not played')),
    node: () => undefined,
    clock: systemClock,
    log: { ...silent, error: (...said: unknown[]) => void faults.push(said) } as typeof silent,
    metrics: {
      requestIn: (_method, status) => void counted.push(status),
      requestOut: () => undefined,
      badInput: () => undefined,
      link: () => undefined,
    },
  })
  return { sessions, faults, counted }
}

test('CPM-CONV-017: an INVITE that was withdrawn while its sender was identified is no fault, and nobody’s call', async () => {
  const { sessions, faults, counted } = open()
  let calls = 0
  sessions.onInvite(async () => {
    calls++
  })
  const invite: IncomingInvite = {
    method: 'INVITE',
    uri: 'sip:bob@cpm.example',
    headers: new Map([
      ['from', '<sip:alice@cpm.example>;tag=1'],
      ['to', '<sip:bob@cpm.example>'],
      ['contact', '<sip:alice@127.0.0.1>'],
      ['p-asserted-identity', '<sip:alice@cpm.example>'],
      ['content-type', 'application/sdp'],
    ]),
    body: sdp('offer'),
    transport: 'udp',
    sourceHost: '127.0.0.1',
    sourcePort: 5060,
    answer: () => undefined,
    provisional: () => undefined,
    accept: () => undefined,
    onCancel: (listener) => listener(),
  }
  sessions.receiveInvite(invite)
  await new Promise((resolve) => setImmediate(resolve))
  expect([faults, counted, calls]).toEqual([[], [487], 0])
})

test('without a link to the SIP server nobody answers; that is no fault', async () => {
  const { sessions } = open((_request, _timeoutMs, { final }) => {
    final({ kind: 'refused', said: 'no link to the SIP server' }, '')
    return { cancel: () => undefined }
  })
  const withdrawn = new AbortController()
  const outcome = await sessions.invite(
    {
      destination: { kind: 'core', user: 'sip:bob@cpm.example' as Uri },
      to: 'sip:bob@cpm.example' as Uri,
      from: 'sip:alice@cpm.example' as Uri,
      icsi: 'oma.cpm.session',
      identities: {},
      offer: sdp('offer'),
      privacy: false,
    },
    () => undefined,
    withdrawn.signal,
  )
  expect(outcome).toEqual({ kind: 'unanswered', said: 'no link to the SIP server' })
})
