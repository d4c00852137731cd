import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { DOMAIN } from '../core/support.js'
import { credentials } from '../sip/support.js'
import { type Element, openElement, register } from './element.js'
import { type House, startHouse } from './house.js'

const ALICE = `sip:alice@${DOMAIN}` as Uri
const NUMBER = 'tel:+12065550100' as Uri
const INSTANCES = ['a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9', 'b4d2e8f3-6c95-4a1f-8d37-82e1f9c6a4b0']
const TAGS =
  ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"' +
  ';+g.3gpp.iari-ref="urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.fthttp";audio;q=0.7'

let house: House
let phone: Element
let tablet: Element

beforeEach(async () => {
  house = await startHouse({ sip: { auth: { maxWrong: 3, waitAfterWrong: '60s' } } })
  phone = await openElement(house.udp)
  tablet = await openElement(house.udp)
})

afterEach(async () => {
  phone.close()
  tablet.close()
  await house.stop()
})

const contacts = async (user: Uri = ALICE) => {
  const devices = await house.registrations.devices(user)
  return devices === 'unknown' ? devices : devices.map(({ contact }) => contact)
}

test('REG-04 REG-05 REG-07 REG-08 REG-13 REG-15 ID-09 the 200 tells all bindings with all they declare, and his addresses', async () => {
  await register(tablet, { instance: INSTANCES[1] ?? '', expires: 300 })
  const answer = await register(phone, { instance: INSTANCES[0] ?? '', more: TAGS, name: 'Alice in red' })
  expect(answer.status).toBe(200)
  const contact = answer.all('Contact').join(', ')
  expect(contact).toContain(`<${phone.contact}>;+sip.instance="<urn:uuid:${INSTANCES[0]}>"${TAGS};expires=600`)
  expect(contact).toContain(`<${tablet.contact}>;+sip.instance="<urn:uuid:${INSTANCES[1]}>";expires=300`)
  expect(answer.one('P-Associated-URI')).toBe(`<${ALICE}>, <${NUMBER}>`)
})

test('FLOW-03 the answer to a re-registration lists the devices that came meanwhile', async () => {
  const call = { instance: INSTANCES[0] ?? '', callId: 'phone' }
  const first = await register(phone, { ...call, cseq: 1 })
  expect(first.all('Contact').join()).not.toContain(tablet.contact)
  await register(tablet, { instance: INSTANCES[1] ?? '' })
  const again = await register(phone, { ...call, cseq: 3 })
  expect(again.all('Contact').join()).toContain(tablet.contact)
})

test('REG-12 REG-14 ID-04 ID-08 ID-15 ID-20 devices are known by each of his addresses, with their identifiers and q, also after a restart', async () => {
  await register(phone, { instance: INSTANCES[0] ?? '', more: TAGS })
  await register(tablet, { instance: INSTANCES[1] ?? '' })
  await house.stop()
  house = await startHouse({ clock: house.clock, prefix: house.prefix })
  expect(await house.registrations.devices(NUMBER)).toMatchObject([
    { contact: phone.contact, instance: `urn:uuid:${INSTANCES[0]}`, q: 0.7 },
    { contact: tablet.contact, instance: `urn:uuid:${INSTANCES[1]}`, q: 1 },
  ])
})

test('REG-02 REG-03 without a refresh the contact goes at its expiry; expires 0 takes it away at once', async () => {
  await register(phone, { instance: INSTANCES[0] ?? '', expires: 60 })
  await register(tablet, { instance: INSTANCES[1] ?? '', callId: 'tablet', cseq: 1 })
  house.clock.advance(60_000)
  expect(await contacts()).toEqual([tablet.contact])
  const left = await register(tablet, { instance: INSTANCES[1] ?? '', callId: 'tablet', cseq: 3, expires: 0 })
  expect([left.status, left.all('Contact')]).toEqual([200, []])
  expect(await contacts()).toEqual([])
})

test('REG-10 ID-03 an address is that of a user by sip or tel; anything else is not registered', async () => {
  const ask = async (to: string) => {
    const line = `REGISTER sip:${DOMAIN} SIP/2.0`
    const headers = { From: `<${to}>;tag=r`, To: `<${to}>`, Contact: `<${phone.contact}>` }
    const challenged = await phone.ask(line, headers)
    const proof = { method: 'REGISTER', uri: `sip:${DOMAIN}`, user: 'alice', password: 'wonderland' }
    const answer = await phone.ask(line, { ...headers, Authorization: credentials(challenged, proof) })
    return answer.status
  }
  expect(await ask(ALICE)).toBe(200)
  expect(await ask(NUMBER)).toBe(200)
  expect(await ask(`sip:bob@${DOMAIN}`)).toBe(403)
  expect(await ask(`sip:nobody@${DOMAIN}`)).toBe(404)
  expect(await ask(`http://${DOMAIN}/alice`)).toBe(404)
  expect(await ask(`urn:uuid:${INSTANCES[0]}`)).toBe(404)
})

test.each(['urn:uuid:not-one', 'a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9'])(
  'ID-09 the identifier %s gets 400',
  async (value) => {
    const answer = await register(phone, { more: `;+sip.instance="<${value}>"` })
    expect(answer.status).toBe(400)
    expect(answer.one('Warning')).toContain('urn:uuid')
    expect(await contacts()).toEqual([])
  },
)

test('REG-20 signalling compression is between a client and its proxy: a Via with comp=sigcomp comes back as it was', async () => {
  const via = `SIP/2.0/UDP 127.0.0.1:${phone.client.port};comp=sigcomp;branch=z9hG4bKcompressed;rport`
  const headers = { From: `<${ALICE}>;tag=r`, To: `<${ALICE}>`, Via: via, Contact: `<${phone.contact};comp=sigcomp>` }
  const challenged = await phone.ask(`REGISTER sip:${DOMAIN} SIP/2.0`, headers)
  expect(challenged.status).toBe(401)
  expect(challenged.one('Via')).toContain(';comp=sigcomp;branch=z9hG4bKcompressed')
})

test('REG-11 REG-18 who guesses has to wait: 503 with Retry-After, also for the right password; the user elsewhere does not', async () => {
  const guess = async (password: string) => {
    const line = `REGISTER sip:${DOMAIN} SIP/2.0`
    const headers = { From: `<${ALICE}>;tag=r`, To: `<${ALICE}>`, Contact: `<${phone.contact}>` }
    const challenged = await phone.ask(line, headers)
    const proof = { method: 'REGISTER', uri: `sip:${DOMAIN}`, user: 'alice', password }
    return phone.ask(line, { ...headers, Authorization: credentials(challenged, proof) })
  }
  for (const password of ['a', 'b', 'c']) expect((await guess(password)).status).toBe(403)
  const refused = await guess('wonderland')
  expect([refused.status, refused.one('Retry-After')]).toEqual([503, '60'])
  expect((await register(tablet, { user: 'bob' })).status).toBe(200)
  house.clock.advance(60_000)
  expect((await guess('wonderland')).status).toBe(200)
})

test('REG-16 REG-19 the embedded core takes no third-party registration: who registers proves who he is', async () => {
  const answer = await phone.ask(`REGISTER sip:as.${DOMAIN} SIP/2.0`, {
    From: '<sip:scscf.example>;tag=1',
    To: `<${ALICE}>`,
    Contact: '<sip:scscf.example>;expires=600',
    Event: 'registration',
  })
  expect(answer.status).toBe(401)
})
