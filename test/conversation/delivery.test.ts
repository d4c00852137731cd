import { describe, expect, test } from 'vitest'
import { createDelivery, type Delivery } from '../../gateway/conversation/delivery.js'
import type { Device } from '../../gateway/conversation/port.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { Destination, SipOutcome } from '../../gateway/sip/port.js'
import { ALICE, HANDSET, message } from '../interworking/support.js'

const binding = (n: number): Device => ({
  contact: `sip:alice@192.0.2.${n}`,
  flow: `udp:192.0.2.${n}:5060`,
  instance: `urn:uuid:${n}`,
  features: {},
  q: 1,
  expiresAt: 1,
})
const answered = (status: number): SipOutcome => ({ kind: 'answered', status, reason: '', said: `SIP/2.0 ${status}` })

const clock = { now: () => 0, after: () => () => {} }

/** Delivery over an edge that answers so and so, to devices as they are registered by and by. */
function deliveryTo(edge: { send: () => Promise<SipOutcome> }, lists: () => readonly Device[] | 'unknown') {
  const deliver = createDelivery({
    edge,
    registrations: { devices: async () => lists() },
    clock,
    onCopies: async () => {},
  })
  return (delivery: Delivery) => deliver(delivery, [])
}

function delivery(devices: readonly Device[] | 'unknown', outcomes: readonly SipOutcome[]) {
  const sent: Destination[] = []
  const edge = {
    send: async ({ destination }: { destination: Destination } = { destination: { kind: 'core', user: ALICE } }) => {
      sent.push(destination)
      return outcomes[sent.length - 1] ?? answered(200)
    },
  }
  return { sent, deliver: deliveryTo(edge, () => devices) }
}

const toAlice = { user: ALICE, content: { kind: 'message' as const, message: message() }, from: HANDSET }

describe('delivery to a user', () => {
  test('GAP-02 every registered device gets a copy, and one that takes it is enough', async () => {
    const { sent, deliver } = delivery(
      [binding(1), binding(2), binding(3)],
      [answered(480), answered(200), answered(603)],
    )
    expect(await deliver(toAlice)).toMatchObject({ kind: 'delivered' })
    expect(sent).toHaveLength(3)
  })

  test('MSG-18 who has it on one device need not wait for another that never answers', async () => {
    const sends = [new Promise<SipOutcome>(() => {}), Promise.resolve(answered(200))]
    const deliver = deliveryTo({ send: () => sends.shift() ?? Promise.resolve(answered(200)) }, () => [
      binding(1),
      binding(2),
    ])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'delivered' })
  })

  test('while one device may still take it, the refusal of another is not the end', async () => {
    const { deliver } = delivery([binding(1), binding(2)], [answered(603), { kind: 'silent', said: '' }])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'unavailable', reason: 'timeout' })
  })

  test('refused by all is refused, with the status behind it', async () => {
    const { deliver } = delivery([binding(1)], [answered(488)])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'refused', status: 488 })
  })

  test('what a device does not take as CPIM goes to it as the text it is', async () => {
    const asked: (boolean | undefined)[] = []
    const edge = {
      send: async ({ asText }: { asText?: boolean } = {}) => {
        asked.push(asText)
        return answered(asText ? 200 : 415)
      },
    }
    const deliver = deliveryTo(edge, () => [binding(1)])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'delivered' })
    expect(asked).toEqual([undefined, true])
  })

  test('what is no text stays refused, and is sent once', async () => {
    const { sent, deliver } = delivery([binding(1)], [answered(415), answered(200)])
    const picture = message({ content: { type: 'image/png', base64: 'AAAA' } })
    const outcome = await deliver({ ...toAlice, content: { kind: 'message', message: picture } })
    expect(outcome).toMatchObject({ kind: 'refused', status: 415, reason: 'content-unsupported' })
    expect(sent).toHaveLength(1)
  })

  test('a user without a device is unavailable, and nothing is sent', async () => {
    const { sent, deliver } = delivery([], [])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'unavailable', reason: 'recipient-unavailable' })
    expect(sent).toEqual([])
  })

  test('a device that registers while another does not answer is tried, too', async () => {
    const lists = [[binding(1)], [binding(1), binding(2)], [binding(1)], [binding(1)]]
    const outcomes: SipOutcome[] = [{ kind: 'silent', said: '' }, answered(200)]
    const edge = { send: async () => outcomes.shift() ?? ({ kind: 'silent', said: '' } as const) }
    const deliver = deliveryTo(edge, () => lists.shift() ?? [])
    expect(await deliver(toAlice)).toMatchObject({ kind: 'delivered' })
    expect(await deliver(toAlice)).toMatchObject({ kind: 'unavailable' })
  })

  test('Retry-After of a busy device is kept', async () => {
    const { deliver } = delivery(
      [binding(1)],
      [{ kind: 'answered', status: 503, reason: '', said: '', retryAfterSeconds: 7 }],
    )
    expect(await deliver(toAlice)).toMatchObject({ kind: 'unavailable', retryAfterMs: 7_000 })
  })

  test('FLOW-24 what belongs to one device goes there while it is registered, else to the others', async () => {
    const asked = delivery([binding(1), binding(2)], [])
    await asked.deliver({ ...toAlice, device: 'urn:uuid:2' })
    expect(asked.sent).toMatchObject([{ instance: 'urn:uuid:2' }])
    const gone = delivery([binding(1)], [])
    await gone.deliver({ ...toAlice, device: 'urn:uuid:2' })
    expect(gone.sent).toMatchObject([{ instance: 'urn:uuid:1' }])
  })

  test('IWF-12 with an external core there is one copy, to the core', async () => {
    const { sent, deliver } = delivery('unknown', [])
    await deliver({ ...toAlice, user: 'tel:+12065550100' as Uri })
    expect(sent).toEqual([{ kind: 'core', user: 'tel:+12065550100' }])
  })
})
