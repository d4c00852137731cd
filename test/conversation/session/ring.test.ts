import { expect, test } from 'vitest'
import { ring } from '../../../gateway/conversation/session/ring.js'
import type { CallOutcome, Leg, OutgoingCall } from '../../../gateway/sip/session-port.js'

test('FLOW-07b: when the call of one device fails, those of the others are taken back, and who answers all the same is released', async () => {
  const ends: unknown[] = []
  const leg = { end: async (reason: unknown) => void ends.push(reason) } as unknown as Leg
  let answer: (outcome: CallOutcome) => void = () => undefined
  const taken: AbortSignal[] = []
  const calls = ['broken', 'tablet'].map((offer) => ({ offer }) as OutgoingCall)
  const ringing = ring(
    {
      invite(call, _progress, withdrawn) {
        if (call.offer === 'broken') return Promise.reject(new Error('broken'))
        taken.push(withdrawn)
        return new Promise((resolve) => {
          answer = resolve
        })
      },
    },
    calls,
    () => undefined,
    new AbortController().signal,
  )
  await expect(ringing).rejects.toThrow('broken')
  expect(taken.map(({ aborted }) => aborted)).toEqual([true])
  answer({ kind: 'accepted', leg, sdp: '', identities: {} })
  await new Promise((resolve) => setImmediate(resolve))
  expect(ends).toHaveLength(1)
})
