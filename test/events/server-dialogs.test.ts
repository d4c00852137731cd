import { expect, test } from 'vitest'
import { openElement, register, resubscribe, subscribe } from './element.js'
import { startHouse } from './house.js'
import { readReginfo } from './reginfo-text.js'

/** The edge before a server that keeps dialogs by itself, as a drachtio-server does; here it is the embedded one. */
test('REGEV-09 REGEV-10 notifications go in the server’s dialog with its route set, and without it once it is lost', async () => {
  let house = await startHouse({ serverKeepsDialogs: true })
  const phone = await openElement(house.udp)
  const proxy = await openElement(house.udp)
  await register(phone)
  const route = `<sip:proxy@127.0.0.1:${proxy.client.port};lr>`
  const { leg } = await subscribe(phone, { more: { 'Record-Route': route } })
  const first = await proxy.take()
  expect([first.startLine, first.one('Route')]).toEqual([`NOTIFY ${phone.contact} SIP/2.0`, route])
  expect(first.one('CSeq')).toBe('2 NOTIFY')
  const refreshed = resubscribe(phone, leg, 2, 300)
  expect((await proxy.take()).one('CSeq')).toBe('3 NOTIFY')
  expect((await refreshed).status).toBe(200)
  await house.stop()
  const { clock, prefix, udp, tcp } = house
  clock.advance(70_000)
  house = await startHouse({ serverKeepsDialogs: true, clock, prefix, listen: [udp, tcp] })
  await register(phone, { callId: 'again' })
  const after = await proxy.take()
  expect([after.one('Call-ID'), after.one('To'), after.one('CSeq')]).toEqual([leg.callId, leg.from, '4 NOTIFY'])
  expect(readReginfo(after.body).version).toBe(2)
  phone.close()
  proxy.close()
  await house.stop()
})
