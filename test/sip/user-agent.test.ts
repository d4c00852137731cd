import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../../gateway/cpm/message.js'
import { createUserAgent, type UserAgent } from '../../gateway/sip/user-agent.js'
import { startSipServer } from '../../gateway/sip-server/server.js'
import { DOMAIN } from '../core/support.js'
import { type EdgeHouse, INSTANCE, silent, startHouse } from './support.js'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A value that comes later, once. */
function later<Value>() {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

async function agentOf(house: EdgeHouse, transport: 'udp' | 'tcp', password = 'wonderland') {
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: 's' },
    maxMessageBytes: 65_536,
  })
  const message = later<CpmMessage>()
  const notification = later<DispositionNotification>()
  const agent: UserAgent = createUserAgent({
    server: { ...server.control, secret: 's' },
    user: 'alice',
    password,
    domain: DOMAIN,
    coreUri: `sip:${house[transport].slice(4)};transport=${transport}`,
    instance: INSTANCE,
    onMessage: message.resolve,
    onNotification: notification.resolve,
    clock: systemClock,
    log: silent,
  })
  ends.push(
    () => server.stop(),
    () => agent.stop(),
  )
  return { agent, message: message.promise, notification: notification.promise }
}

async function openHouse(): Promise<EdgeHouse> {
  const house = await startHouse()
  ends.push(() => house.stop())
  return house
}

const ALICE = 'sip:alice@cpm.example' as Uri

test.each(['udp', 'tcp'] as const)(
  'REG-01 REG-03 REG-05 MSG-01 a client registers, sends and leaves over %s',
  async (transport) => {
    const house = await openHouse()
    const { agent } = await agentOf(house, transport)
    await agent.register()
    const [binding] = (await house.core?.registrar.bindings(ALICE)) ?? []
    expect(binding?.instance).toBe(`urn:uuid:${INSTANCE}`)
    const sent = await agent.send({
      to: 'tel:+12065550177',
      content: { type: 'text/plain;charset=utf-8', text: 'hello' },
      dispositions: ['positive-delivery'],
    })
    expect(sent.outcome).toMatchObject({ kind: 'answered', status: 202 })
    expect(house.requests).toMatchObject([
      {
        target: 'tel:+12065550177',
        content: { message: { messageId: sent.messageId, dispositions: ['positive-delivery'] } },
      },
    ])
    await agent.stop()
    expect(await house.core?.registrar.bindings(ALICE)).toEqual([])
  },
)

test('MSG-18 a client takes a message, reports delivery and display when asked', async () => {
  const house = await openHouse()
  const { agent, message } = await agentOf(house, 'tcp')
  await agent.register()
  const [binding] = (await house.core?.registrar.bindings(ALICE)) ?? []
  const from = 'tel:+12065550177' as Uri
  const now = Date.now()
  const outcome = await house.edge.send({
    destination: { kind: 'device', user: ALICE, contact: binding?.contact ?? '', flow: binding?.flow ?? '' },
    from,
    content: {
      kind: 'message',
      message: {
        messageId: 'Msg-9' as never,
        from,
        to: ALICE,
        sentAt: now,
        expiresAt: now + 60_000,
        privacy: false,
        dispositions: ['positive-delivery', 'display'],
        content: { type: 'text/plain;charset=utf-8', text: 'grüß dich 👋' },
      },
    },
  })
  expect(outcome).toMatchObject({ kind: 'answered', status: 200 })
  const received = await message
  expect(received.content).toMatchObject({ text: 'grüß dich 👋' })
  expect(await agent.displayed(received)).toMatchObject({ kind: 'answered', status: 202 })
  const reports = house.requests.map(({ target, content }) => [
    target,
    content.kind === 'notifications' && content.notifications[0]?.disposition.status,
  ])
  expect(reports.sort()).toEqual([
    [from, 'delivered'],
    [from, 'displayed'],
  ])
})

test('REG-11 the wrong password is told', async () => {
  const { agent } = await agentOf(await openHouse(), 'udp', 'wrong')
  await expect(agent.register()).rejects.toThrow('403 Forbidden 399 cpm.example "wrong user or password"')
})
