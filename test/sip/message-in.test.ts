import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SpoolUnavailable } from '../../gateway/spool/spool.js'
import { type RawClient, udpClient } from './raw-client.js'
import { cpim, credentials, type EdgeHouse, INSTANCE, message, register, startHouse } from './support.js'

const ALICE = 'sip:alice@cpm.example'
const BOB = 'sip:bob@cpm.example'

let house: EdgeHouse
let device: RawClient
const ask = (uri: string, headers: Readonly<Record<string, string>>, body: string) =>
  device.ask(`MESSAGE ${uri} SIP/2.0`, headers, body)

afterEach(async () => {
  device.close()
  await house.stop()
})

describe('at the embedded core', () => {
  beforeEach(async () => {
    house = await startHouse()
    device = await udpClient(house.udp)
  })

  test('REG-01 a user who did not register is refused and reaches no function', async () => {
    const answer = await ask(BOB, message(ALICE, BOB), cpim(ALICE, BOB))
    expect([answer.status, answer.one('Warning')]).toEqual([403, '399 cpm.example "register before sending"'])
    expect(house.requests).toEqual([])
    expect(house.badInput).toEqual(['unregistered'])
  })

  test('MSG-03 a registered device speaks for its user, over its flow, without another challenge', async () => {
    await register(device)
    expect((await ask(BOB, message(ALICE, BOB), cpim(ALICE, BOB))).status).toBe(202)
    expect(house.requests).toMatchObject([
      {
        function: 'orig',
        originator: { uri: ALICE, addresses: [ALICE, 'tel:+12065550100'], device: `urn:uuid:${INSTANCE}` },
        target: BOB,
        content: { kind: 'message', message: { messageId: 'Msg-1', from: ALICE, to: BOB, content: { text: 'hello' } } },
      },
    ])
  })

  test('REG-21 the user may choose among his addresses, by P-Preferred-Identity or From', async () => {
    await register(device)
    const tel = 'tel:+12065550100'
    await ask(BOB, message(tel, BOB), cpim(tel, BOB))
    await ask(BOB, message(ALICE, BOB, { 'P-Preferred-Identity': `<${tel}>` }), cpim(tel, BOB))
    expect(house.requests.map(({ content }) => content.kind === 'message' && content.message.from)).toEqual([tel, tel])
  })

  test('REG-22 ID-17 a forged P-Asserted-Identity, P-Preferred-Identity or From wins nothing', async () => {
    const victim = await udpClient(house.udp)
    await register(device)
    await register(victim, 'bob', 'builder')
    const forged = { 'P-Asserted-Identity': `<${BOB}>`, 'P-Preferred-Identity': `<${BOB}>` }
    expect((await ask(ALICE, message(ALICE, ALICE, forged), cpim(ALICE, ALICE))).status).toBe(202)
    expect(house.requests[0]?.originator.uri).toBe(ALICE)
    const challenged = await ask(ALICE, message(BOB, ALICE, forged), cpim(BOB, ALICE))
    expect(challenged.status).toBe(407)
    const proof = { method: 'MESSAGE', uri: ALICE, user: 'alice', password: 'wonderland' }
    const authorization = { 'Proxy-Authorization': credentials(challenged, proof) }
    const answer = await ask(ALICE, message(BOB, ALICE, { ...forged, ...authorization }), cpim(ALICE, ALICE))
    expect(answer.status).toBe(202)
    expect(house.requests[1]?.originator.uri).toBe(ALICE)
    victim.close()
  })

  test('ID-17 CPIM From must be the sender', async () => {
    await register(device)
    const answer = await ask(BOB, message(ALICE, BOB), cpim(BOB, BOB))
    expect(answer.status).toBe(403)
    expect(house.badInput).toEqual(['forged-sender'])
  })

  test('REG-18 from another flow a password is needed, and a wrong one does not do', async () => {
    await register(device)
    const elsewhere = await udpClient(house.udp)
    const line = `MESSAGE ${BOB} SIP/2.0`
    const challenged = await elsewhere.ask(line, message(ALICE, BOB), cpim(ALICE, BOB))
    expect(challenged.status).toBe(407)
    expect(challenged.all('Proxy-Authenticate')).toHaveLength(2)
    const proof = { method: 'MESSAGE', uri: BOB, user: 'alice', password: 'wonderland' }
    const asking = (password: string) =>
      elsewhere.ask(
        line,
        message(ALICE, BOB, { 'Proxy-Authorization': credentials(challenged, { ...proof, password }, 'MD5') }),
        cpim(ALICE, BOB),
      )
    expect((await asking('wrong')).status).toBe(403)
    expect((await asking('wonderland')).status).toBe(202)
    elsewhere.close()
  })

  test('REG-01 who has a password and no registration is refused', async () => {
    const challenged = await ask(BOB, message('sip:x@y.example', BOB), cpim(ALICE, BOB))
    const proof = { method: 'MESSAGE', uri: BOB, user: 'alice', password: 'wonderland' }
    const answer = await ask(
      BOB,
      message(ALICE, BOB, { 'Proxy-Authorization': credentials(challenged, proof) }),
      cpim(ALICE, BOB),
    )
    expect([challenged.status, answer.status]).toEqual([407, 403])
  })

  test.each([
    ['tel:+1-206-555-0177', 'tel:+12065550177'],
    ['sip:+12065550177@cpm.example;user=phone', 'tel:+12065550177'],
    ['sip:joe%40mail.example@email.iw.cpm.example', 'mailto:joe@mail.example'],
  ])('ID-03 ID-06 ID-16 the target %s is %s', async (uri, target) => {
    await register(device)
    expect((await ask(uri, message(ALICE, uri), cpim(ALICE, uri))).status).toBe(202)
    expect(house.requests[0]?.target).toBe(target)
  })

  test('a client cannot address the functions behind the originating one', async () => {
    await register(device)
    const answer = await ask(BOB, message(ALICE, BOB, { Route: '<sip:iwf@127.0.0.1;lr>' }), cpim(ALICE, BOB))
    expect(answer.status).toBe(403)
    expect(house.requests).toEqual([])
  })

  test.each([
    ['MSG-01 the gateway itself', { uri: 'sip:cpm.example' }, 404, 'names no user'],
    ['ID-16 another scheme', { uri: 'urn:service:sos' }, 416, ''],
    ['a number without context', { uri: 'tel:911x' }, 484, 'phone-context'],
    ['no hops left', { headers: { 'Max-Forwards': '0' } }, 483, 'Max-Forwards'],
    ['an extension', { headers: { Require: 'recipient-list-message, path-x' } }, 420, 'extension'],
    ['another body type', { headers: { 'Content-Type': 'image/png' } }, 415, 'image/png'],
    ['no body type', { headers: { 'Content-Type': '' } }, 400, 'Content-Type'],
    ['a CPIM without end', { body: 'From: <sip:alice@cpm.example>' }, 400, ''],
  ])(
    'a defined answer to bad input: %s',
    async (_, { uri = BOB, headers = {}, body = cpim(ALICE, BOB) }: BadRequest, status, said) => {
      await register(device)
      const answer = await ask(uri, message(ALICE, BOB, headers), body)
      expect(answer.status).toBe(status)
      expect(answer.one('Warning')).toContain(said)
      if (status === 415) expect(answer.one('Accept')).toContain('message/cpim')
      if (status === 420) expect(answer.one('Unsupported')).toBe('path-x')
      expect(house.requests).toEqual([])
    },
  )

  test('octets that are not UTF-8 get 415', async () => {
    await register(device)
    const answer = await ask(BOB, message(ALICE, BOB), cpim(ALICE, BOB, '\ufffd'))
    expect(answer.status).toBe(415)
    expect(house.badInput).toEqual(['not-utf8'])
  })

  test('OPTIONS tells what is taken; other methods are not allowed', async () => {
    const headers = { From: `<${ALICE}>;tag=o`, To: `<${BOB}>` }
    const options = await device.ask('OPTIONS sip:cpm.example SIP/2.0', headers)
    expect([options.status, options.one('Allow')]).toEqual([200, 'MESSAGE, OPTIONS, REGISTER'])
    expect(options.one('Accept')).toContain('message/cpim')
    for (const method of ['PUBLISH', 'INFO', 'NOTIFY']) {
      const event = { ...headers, Event: 'presence', 'Subscription-State': 'active' }
      const answer = await device.ask(`${method} ${BOB} SIP/2.0`, event)
      expect([method, answer.status, answer.one('Allow')]).toEqual([method, 405, 'MESSAGE, OPTIONS, REGISTER'])
    }
  })
})

interface BadRequest {
  readonly uri?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

describe('what the function says', () => {
  const asked = async (onRequest: Parameters<typeof startHouse>[0]) => {
    house = await startHouse(onRequest)
    device = await udpClient(house.udp)
    await register(device)
    return ask(BOB, message(ALICE, BOB), cpim(ALICE, BOB))
  }

  test('IW-02 its answer goes back to the sender with reason, warning and Retry-After', async () => {
    const answer = await asked({
      onRequest: async () => ({
        status: 480,
        reason: 'Not Now',
        warning: 'the "phone" is off',
        retryAfterSeconds: 7.2,
      }),
    })
    expect(answer.startLine).toBe('SIP/2.0 480 Not Now')
    expect(answer.one('Warning')).toBe('399 cpm.example "the \\"phone\\" is off"')
    expect(answer.one('Retry-After')).toBe('8')
  })

  test('a store out of reach: 503, try later; any other failure: 500', async () => {
    const answer = await asked({ onRequest: () => Promise.reject(new SpoolUnavailable('down')) })
    expect([answer.status, answer.one('Retry-After')]).toEqual([503, '5'])
    await house.stop()
    device.close()
    expect((await asked({ onRequest: () => Promise.reject(new Error('fault')) })).status).toBe(500)
  })
})

describe('behind an external core', () => {
  const TRUSTED = { core: 'sip:127.0.0.1:5099', trust: ['127.0.0.0/8'] }
  const asserted = { 'P-Asserted-Identity': `<${ALICE}>, <tel:+12065550100>` }

  const open = async (sip: object) => {
    house = await startHouse({ sip })
    device = await udpClient(house.udp)
  }

  test('REG-19 the asserted identity of a trusted peer is believed, whatever From says', async () => {
    await open(TRUSTED)
    const answer = await ask(BOB, message('sip:anonymous@anonymous.invalid', BOB, asserted), cpim(ALICE, BOB))
    expect(answer.status).toBe(202)
    expect(house.requests[0]?.originator).toEqual({ uri: ALICE, addresses: [ALICE, 'tel:+12065550100'] })
  })

  test('MSG-05 without an asserted identity, 403; from an untrusted peer, 403', async () => {
    await open(TRUSTED)
    expect((await ask(BOB, message(ALICE, BOB), cpim(ALICE, BOB))).status).toBe(403)
    await house.stop()
    device.close()
    await open({ ...TRUSTED, trust: ['192.0.2.0/24'] })
    expect((await ask(BOB, message(ALICE, BOB, asserted), cpim(ALICE, BOB))).status).toBe(403)
    expect(house.badInput).toEqual(['untrusted'])
  })

  test.each([
    ['<sip:orig@127.0.0.1;lr>, <sip:odi_1@scscf.example;lr;orig>', '', 'orig'],
    ['<sip:iwf@127.0.0.1;lr>', '', 'iwf'],
    ['<sip:isf@127.0.0.1;lr>', '', 'isf'],
    ['<sip:term@127.0.0.1;lr>', '', 'term'],
    ['<sip:127.0.0.1;lr>', `<${BOB}>;sescase=term;regstate=reg`, 'term'],
    ['', '', 'orig'],
  ])('MSG-04 MSG-09 Route %s and P-Served-User %s lead to %s', async (route, served, called) => {
    await open(TRUSTED)
    const headers = { ...asserted, ...(route && { Route: route }), ...(served && { 'P-Served-User': served }) }
    expect((await ask(BOB, message(ALICE, BOB, headers), cpim(ALICE, BOB))).status).toBe(202)
    expect(house.requests[0]?.function).toBe(called)
  })

  test('REG-16 the third-party registration of the core is acknowledged, of anybody else refused', async () => {
    await open(TRUSTED)
    const line = 'REGISTER sip:127.0.0.1 SIP/2.0'
    const headers = { From: '<sip:scscf.example>;tag=s', To: `<${ALICE}>`, Event: 'registration', Expires: '3600' }
    expect((await device.ask(line, headers)).status).toBe(200)
    await house.stop()
    device.close()
    await open({ ...TRUSTED, trust: [] })
    expect((await device.ask(line, headers)).status).toBe(403)
  })
})
