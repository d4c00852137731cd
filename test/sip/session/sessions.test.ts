import { expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { IncomingInvite } from '../../../gateway/sip/incoming.js'
import { createSessions } from '../../../gateway/sip/session/sessions.js'
import { silent } from '../support.js'
import { sdp } from './stage.js'

test('CPM-CONV-017: an INVITE that was withdrawn while its sender was identified is no fault, and nobody’s call', async () => {
  const faults: unknown[] = []
  const counted: number[] = []
  const sessions = createSessions({
    stack: { request: () => Promise.reject(new Error('not played')), invite: () => ({ cancel: () => undefined }) },
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
