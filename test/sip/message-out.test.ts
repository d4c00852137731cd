import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConversationId, MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../gateway/cpm/message.js'
import type { Destination, OutgoingMessage } from '../../gateway/sip/port.js'
import { type RawClient, tcpClient, udpClient } from './raw-client.js'
import { type EdgeHouse, register, startHouse } from './support.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const HANDSET = 'tel:+12065550177' as Uri

let house: EdgeHouse
let device: RawClient

afterEach(async () => {
  device.close()
  await house.stop()
})

function text(over: Partial<CpmMessage> = {}): CpmMessage {
  return {
    messageId: 'Out-1' as MessageId,
    from: HANDSET,
    to: ALICE,
    sentAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    conversationId: 'conv-1' as ConversationId,
    service: 'sms' as ServiceId,
    privacy: false,
    dispositions: ['positive-delivery'],
    content: { type: 'text/plain;charset=utf-8', text: 'hello' },
    ...over,
  }
}

const outgoing = (destination: Destination, over: Partial<CpmMessage> = {}): OutgoingMessage => ({
  destination,
  content: { kind: 'message', message: text(over) },
  from: HANDSET,
})

describe('to a device', () => {
  beforeEach(async () => {
    house = await startHouse({ sip: { requestTimeout: '3s' } })
  })

  const registered = async (): Promise<Destination> => {
    await register(device)
    const [binding] = (await house.core?.registrar.bindings(ALICE)) ?? []
    if (!binding) throw new Error('not registered')
    return { kind: 'device', user: ALICE, contact: binding.contact, flow: binding.flow }
  }

  const deliver = async (answer?: string, headers?: Readonly<Record<string, string>>, over?: Partial<CpmMessage>) => {
    const destination = await registered()
    return Promise.all([house.edge.send(outgoing(destination, over)), device.take(answer, headers)])
  }

  test.each([
    ['UDP', udpClient, 'udp'],
    ['TCP', tcpClient, 'tcp'],
  ] as const)('MSG-16 MSG-17 REG-22 a message reaches the device along its %s flow', async (_, open, key) => {
    device = await open(house[key])
    const [outcome, request] = await deliver()
    expect(outcome).toMatchObject({ kind: 'answered', status: 200 })
    expect(request.startLine).toBe(`MESSAGE sip:alice@127.0.0.1:${device.port};transport=${key} SIP/2.0`)
    expect(request.one('From')).toMatch(/^<tel:\+12065550177>;tag=/)
    expect(request.one('To')).toBe('<sip:alice@cpm.example>')
    expect(request.one('P-Asserted-Identity')).toBe('<tel:+12065550177>')
    expect(request.one('P-Asserted-Service')).toBe('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg')
    expect(request.one('Accept-Contact')).toContain('oma.cpm.msg";require;explicit')
    expect(request.one('Non-CPM-Service')).toBe('sms')
    expect(request.one('Conversation-ID')).toBe('conv-1')
    expect(request.one('Expires')).toMatch(/^3(600|599)$/)
    expect(request.one('Content-Type')).toBe('message/cpim')
    expect(request.all('Contact')).toEqual([])
    expect(request.body).toContain('From: <tel:+12065550177>')
    expect(request.body).toMatch(/\r\n\r\nhello$/)
  })

  test('ID-18 a user who asked for privacy is not named to the device', async () => {
    device = await udpClient(house.udp)
    const [, request] = await deliver('200 OK', {}, { privacy: true })
    expect(request.one('From')).toMatch(/^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/)
    expect(request.text).not.toContain('12065550177')
  })

  test('a refusal comes back with its reason and Retry-After', async () => {
    device = await udpClient(house.udp)
    const [outcome] = await deliver('480 Asleep', { 'Retry-After': '30 (night)' })
    expect(outcome).toEqual({
      kind: 'answered',
      status: 480,
      reason: 'Asleep',
      retryAfterSeconds: 30,
      said: '480 Asleep',
    })
  })

  test('no answer is silence', async () => {
    await house.stop()
    house = await startHouse({ sip: { requestTimeout: '50ms' } })
    device = await udpClient(house.udp)
    expect(await house.edge.send(outgoing(await registered()))).toMatchObject({ kind: 'silent' })
  })

  test('a device that is no longer there: it never left', async () => {
    device = await tcpClient(house.tcp)
    const gone = { kind: 'device', user: ALICE, contact: 'sip:alice@127.0.0.1:9', flow: 'tcp:127.0.0.1:9' } as const
    expect(await house.edge.send(outgoing(gone))).toMatchObject({ kind: 'unsent' })
  })

  test('IMDN: a notification goes out as CPIM, the same one with the same Message-ID', async () => {
    device = await udpClient(house.udp)
    const destination = await registered()
    const notification = {
      messageId: 'Msg-1' as MessageId,
      sentAt: Date.now(),
      recipient: HANDSET,
      disposition: { kind: 'delivery', status: 'delivered' },
    } as const
    const content = { kind: 'notifications', notifications: [notification], to: ALICE } as const
    const [outcome, , first, second] = await Promise.all([
      house.edge.send({ destination, content, from: HANDSET }),
      house.edge.send({ destination, content, from: HANDSET }),
      device.take(),
      device.take(),
    ])
    expect(outcome).toMatchObject({ kind: 'answered', status: 200 })
    expect(first.body).toContain('Content-Type: message/imdn+xml')
    const id = (body: string) => /imdn\.Message-ID: (.*)/.exec(body)?.[1]
    expect(id(first.body)).toBe(id(second.body))
  })

  test('while the link to the SIP server is down nothing is sent, and the edge says so', async () => {
    device = await udpClient(house.udp)
    const destination = await registered()
    expect(house.edge.healthy()).toBe(true)
    await house.edge.stop()
    expect(house.edge.healthy()).toBe(false)
    expect(await house.edge.send(outgoing(destination))).toEqual({ kind: 'unsent', said: 'no link to the SIP server' })
  })
})

describe('to the external core', () => {
  test('numbers and foreign addresses go as sip: URIs of the domain, by the next hop configured', async () => {
    house = await startHouse()
    device = await udpClient(house.udp)
    const external = await startHouse({ sip: { core: `sip:127.0.0.1:${device.port}` } })
    const to = 'tel:+12065550100' as Uri
    const [outcome, request] = await Promise.all([
      external.edge.send({
        destination: { kind: 'core', user: to },
        content: { kind: 'message', message: text({ to, from: 'xmpp:juliet@capulet.example' as Uri }) },
        from: 'xmpp:juliet@capulet.example' as Uri,
        fromName: 'Juliet "J"\r\nX: y',
      }),
      device.take('202 Accepted'),
    ])
    expect(outcome).toMatchObject({ kind: 'answered', status: 202 })
    expect(request.startLine).toBe('MESSAGE sip:+12065550100@cpm.example;user=phone SIP/2.0')
    expect(request.one('To')).toBe('<tel:+12065550100>')
    const speaker = '"Juliet \\"J\\" X: y" <sip:juliet%40capulet.example@xmpp.iw.cpm.example>'
    expect(request.one('P-Asserted-Identity')).toBe(speaker)
    expect(request.all('X')).toEqual([])
    await external.stop()
  })
})
