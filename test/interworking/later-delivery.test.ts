import { expect, test } from 'vitest'
import type { SendOutcome } from '../../adapters/contract/index.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { startRig } from './rig.js'
import { ALICE } from './support.js'

const SOON_MS = 300
const MINUTE_MS = 60_000

test('a message that is to arrive later waits here where its service cannot keep it', async () => {
  const rig = await startRig()
  const deliverAt = Date.now() + SOON_MS
  expect(await rig.send({ deliverAt })).toEqual({ status: 202 })
  await rig.play('sms').offered.next()
  expect(Date.now()).toBeGreaterThanOrEqual(deliverAt)
})

test.each([false, true])(
  'whose time is after the end of its life here is refused at once (service keeps it: %j)',
  async (laterDelivery) => {
    const rig = await startRig({ policies: { maxLife: '1h' }, laterDelivery })
    const now = Date.now()
    const late = { deliverAt: now + 120 * MINUTE_MS, expiresAt: now + 600 * MINUTE_MS }
    expect(await rig.send(late)).toMatchObject({ status: 400 })
    expect(rig.play('sms').offered.length).toBe(0)
  },
)

test('and goes to a service that keeps it', async () => {
  const rig = await startRig({ laterDelivery: true })
  const deliverAt = Date.now() + MINUTE_MS
  await rig.send({ deliverAt })
  expect(await rig.play('sms').offered.next()).toMatchObject({ deliverAt })
})

test('its sender is not kept waiting for the answer of the service', async () => {
  const rig = await startRig({ policies: { answer: 'after-service', answerWithin: '25s' } })
  expect(await rig.send({ deliverAt: Date.now() + MINUTE_MS })).toEqual({ status: 202 })
}, 10_000)

test('it can be changed meanwhile, and still waits', async () => {
  const began = Date.now()
  let isChanged = false
  // Until it is changed its time does not come, however long that takes.
  const rig = await startRig({ clock: { ...systemClock, now: () => (isChanged ? Date.now() : began) } })
  const deliverAt = began + SOON_MS
  await rig.send({ deliverAt })
  const refused: SendOutcome = { kind: 'refused', final: 'everywhere', reason: 'malformed', said: '' }
  rig.play('sms').answer = () => refused
  const name = { from: ALICE, messageId: 'Msg-1' }
  expect(await rig.recall.replace(name, { type: 'text/plain', text: 'new' })).toMatchObject({ outcome: 'done' })
  isChanged = true
  expect(await rig.play('sms').offered.next()).toMatchObject({ content: { text: 'new' } })
  expect(Date.now()).toBeGreaterThanOrEqual(deliverAt)
})
