import { afterEach, beforeEach, expect, test } from 'vitest'
import { DOMAIN } from '../core/support.js'
import { type RawClient, tcpClient, udpClient } from './raw-client.js'
import { credentials, type EdgeHouse, INSTANCE, register, registration, startHouse } from './support.js'

let house: EdgeHouse
let device: RawClient

beforeEach(async () => {
  house = await startHouse()
  device = await udpClient(house.udp)
})
afterEach(async () => {
  device.close()
  await house.stop()
})

const LINE = `REGISTER sip:${DOMAIN} SIP/2.0`
const ALICE = { method: 'REGISTER', uri: `sip:${DOMAIN}`, user: 'alice', password: 'wonderland' }

test.each(['MD5', 'SHA-256'] as const)('REG-11 REG-18 401 and then 200 with %s', async (algorithm) => {
  const challenged = await device.ask(LINE, registration(device))
  expect(challenged.status).toBe(401)
  expect(challenged.all('WWW-Authenticate')).toHaveLength(2)
  const answer = await device.ask(LINE, {
    ...registration(device),
    Authorization: credentials(challenged, ALICE, algorithm),
  })
  expect(answer.status).toBe(200)
  expect(answer.one('Contact')).toMatch(
    new RegExp(
      `^<sip:alice@127.0.0.1:${device.port};transport=udp>;\\+sip.instance="<urn:uuid:${INSTANCE}>";expires=\\d+$`,
    ),
  )
  expect(answer.one('P-Associated-URI')).toBe('<sip:alice@cpm.example>, <tel:+12065550100>')
})

test('REG-11 the wrong password makes no binding', async () => {
  const answer = await register(device, 'alice', 'wrong')
  expect(answer.status).toBe(403)
  expect(answer.one('Warning')).toBe('399 cpm.example "wrong user or password"')
  expect(await house.core?.registrar.bindings('sip:alice@cpm.example' as never)).toEqual([])
  expect(house.badInput).toEqual(['credentials'])
})

test('REG-10 one user cannot register the address of another, nor one that nobody has', async () => {
  expect((await register(device, 'bob', 'builder', { To: '<sip:alice@cpm.example>' })).status).toBe(403)
  expect((await register(device, 'bob', 'builder', { To: '<sip:carol@cpm.example>' })).status).toBe(404)
})

test('REG-12 REG-13 REG-14 two devices over two transports, each with its own way back', async () => {
  const tablet = await tcpClient(house.tcp)
  const other = INSTANCE.replace('a', 'b')
  await register(device)
  const answer = await register(tablet, 'alice', 'wonderland', {
    Contact: `<sip:alice@10.0.0.1:5060;transport=tcp>;+sip.instance="<urn:uuid:${other}>"`,
  })
  expect(answer.one('Contact').match(/<sip:/g)).toHaveLength(2)
  const bindings = await house.core?.registrar.bindings('sip:alice@cpm.example' as never)
  expect(bindings?.map(({ flow }) => flow)).toEqual([`udp:127.0.0.1:${device.port}`, `tcp:127.0.0.1:${tablet.port}`])
  tablet.close()
})

test('ID-09 a malformed device identifier: 400 that says so', async () => {
  const answer = await register(device, 'alice', 'wonderland', { Contact: '<sip:a@x>;+sip.instance="<urn:uuid:1>"' })
  expect(answer.status).toBe(400)
  expect(answer.one('Warning')).toContain('+sip.instance')
})

test('a registration too short: 423 with Min-Expires', async () => {
  const answer = await register(device, 'alice', 'wonderland', { Expires: '5' })
  expect([answer.status, answer.one('Min-Expires')]).toEqual([423, '60'])
})
