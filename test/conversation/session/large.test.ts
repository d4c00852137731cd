import { randomBytes } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { newMessageId, readCpim, writeCpim } from '../../../scripts/rig/cpim.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { newAuthority } from '../../sip-server/support/certificates.js'
import { openStage, type Stage, type StageOptions, type UserName } from '../stage.js'
import { openMsrpPhone, pathIn } from './msrp-phone.js'
import { DOMAIN, features } from './stage.js'
import { invited } from './talk.js'

const LARGE: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.largemsg']
const BOB = 'sip:bob@cpm.example'
const ALICE = 'sip:alice@cpm.example'
const LONG = 'A long story. '.repeat(1_000)
const IM = features(['msg', 'largemsg', 'session'])

async function open(options: StageOptions = {}) {
  const stage = await openStage({ sessions: { largeMessages: { above: '4kB' } }, ...options })
  return {
    stage,
    /** A device with sessions. */
    async device(user: UserName, tags = IM): Promise<SessionAgent> {
      const password = `${user}-secret`
      const agent = await openSessionAgent({ server: stage.sip, domain: DOMAIN, user, password })
      onTestFinished(() => agent.close())
      expect((await agent.register(tags)).status).toBe(200)
      return agent
    },
  }
}

/** What a client offers for one message. */
const offerOf = (sdp: string, size: number): string =>
  sdp
    .replace('a=sendrecv', `a=sendonly\r\na=file-selector:size:${size}`)
    .replace('message/cpim text/plain', 'message/cpim')

/** Sends a CPIM in large message mode; gives the status of the INVITE and of the SEND. */
async function sendLarge(agent: SessionAgent, to: string, cpim: string | Buffer, headers: [string, string][] = []) {
  const phone = await openMsrpPhone()
  onTestFinished(() => phone.close())
  const body = Buffer.from(cpim)
  const placed = agent.call(to, offerOf(phone.sdp(), body.length), [LARGE, ...headers])
  const answer = await placed.final
  if (answer.status >= 300) return { invite: answer.status, send: '', answer }
  const dialog = await placed.established()
  const talk = await phone.connectTo(answer.body.toString())
  const heard = await talk.send(body.toString('latin1'), { contentType: 'message/cpim' })
  await dialog.bye()
  return { invite: answer.status, send: heard.first, answer }
}

const cpim = (text: string, messageId = newMessageId(), report: string[] = []) =>
  writeCpim({ from: ALICE, to: BOB, text, report, messageId })

/** Takes a large message at a device. */
async function takeLarge(agent: SessionAgent, status = '200 OK') {
  const phone = await openMsrpPhone()
  onTestFinished(() => phone.close())
  const call = await invited(agent)
  const answer = phone.sdp({ setup: 'active' }).replace('a=sendrecv', 'a=recvonly')
  const dialog = await call.accept(answer)
  const talk = await phone.connectTo(call.invite.body.toString())
  const parts: string[] = []
  for (;;) {
    const heard = await talk.receives(status)
    parts.push(heard.body ?? '')
    if (heard.flag !== '+') break
  }
  return { call, dialog, text: Buffer.from(parts.join(''), 'latin1').toString('utf8') }
}

const nothingLeft = (stage: Stage) =>
  expect.poll(() => [stage.edge.sessions.legs(), stage.media.sessions, stage.sessions.sessions()]).toEqual([0, 0, 0])

describe('large message mode', () => {
  test('CONV-01..03, CIM-02: a message comes by INVITE and MSRP, and goes to a device the same way', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    const taking = takeLarge(bob)
    const sent = await sendLarge(alice, BOB, cpim(LONG, 'large-1', ['positive-delivery']), [
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['InReplyTo-Contribution-ID', 'contr-0'],
      ['Subject', 'A story'],
      ['Message-Expires', '3600'],
      ['Expires', '30'],
    ])
    const { call, dialog, text } = await taking
    expect([sent.invite, sent.send]).toEqual([200, '200 OK'])
    expect(sent.answer.body.toString()).toMatch(/a=max-size:10000000\r\n[\s\S]*a=recvonly/)
    const read = readCpim(Buffer.from(text))
    expect([read?.text, read?.headers.get('imdn.Message-ID')]).toEqual([LONG, 'large-1'])
    const { invite } = call
    const shown = ['conversation-id', 'contribution-id', 'inreplyto-contribution-id', 'p-asserted-service', 'subject']
    expect(shown.map((name) => header(invite, name))).toEqual(['conv-1', 'contr-1', 'contr-0', LARGE[1], 'A story'])
    const life = Number(header(invite, 'message-expires'))
    expect([life > 3_500, life <= 3_600, Number(header(invite, 'expires')) <= 30]).toEqual([true, true, true])
    expect(invite.body.toString()).toContain('a=sendonly')
    await dialog.requests.next('BYE', () => true)
    await nothingLeft(stage)
  })

  test('a picture comes as octets and goes as they were', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    const picture = randomBytes(6_000)
    const head = cpim('x').replace(/Content-Type: [^\r]*\r\n\r\nx$/, 'Content-Type: image/jpeg\r\n\r\n')
    expect(head).toContain('image/jpeg')
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const taking = takeLarge(bob)
    const whole = Buffer.concat([Buffer.from(head), picture])
    const placed = alice.call(BOB, offerOf(phone.sdp(), whole.length), [LARGE])
    const dialog = await placed.established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    const line = (name: string, value: string) => `${name}: ${value}\r\n`
    const start = `MSRP pict1234 SEND\r\n${line('To-Path', talk.remote)}${line('From-Path', phone.path)}${line('Message-ID', 'p1')}`
    const range = line('Byte-Range', `1-${whole.length}/${whole.length}`)
    talk.peer.sends(
      Buffer.concat([
        Buffer.from(`${start}${range}${line('Content-Type', 'message/cpim')}\r\n`),
        whole,
        Buffer.from('\r\n-------pict1234$\r\n'),
      ]),
    )
    const { text } = await taking
    expect((await talk.peer.hearsFirst('200 OK')).transaction).toBe('pict1234')
    const [, base64 = ''] = /base64\r\n(?:.+\r\n)*\r\n([\s\S]*)$/.exec(text) ?? []
    expect(Buffer.from(base64, 'base64').equals(picture)).toBe(true)
    await dialog.bye()
    await nothingLeft(stage)
  })

  test('SESS-00: small messages go as MESSAGE, also when they came in large message mode; large ones in one do not', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    expect((await sendLarge(alice, BOB, cpim('short'))).send).toBe('200 OK')
    const message = await bob.others.next('MESSAGE', ({ method }) => method === 'MESSAGE')
    expect(readCpim(message.body)?.text).toBe('short')
    const taking = takeLarge(bob)
    const answered = await alice.ask('MESSAGE', BOB, [['Content-Type', 'message/cpim']], cpim(LONG))
    expect([answered.status, readCpim(Buffer.from((await taking).text))?.text]).toEqual([200, LONG])
    await nothingLeft(stage)
  })

  test('a device that takes no sessions gets it as MESSAGE, as far as that carries it', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    const asking = alice.ask('MESSAGE', BOB, [['Content-Type', 'message/cpim']], cpim(LONG))
    ;(await invited(bob)).refuse(405)
    expect((await asking).status).toBe(200)
    expect((await bob.others.next('MESSAGE', () => true)).body.length).toBeGreaterThan(14_000)
    await nothingLeft(stage)
  })

  test('one above the limit is refused: 413 by its INVITE, or over MSRP when it did not say', async () => {
    const { stage, device } = await open({ sessions: { largeMessages: { maxBytes: '10kB' } } })
    const alice = await device('alice')
    expect((await sendLarge(alice, BOB, cpim(LONG))).invite).toBe(413)
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const placed = alice.call(BOB, phone.sdp().replace('a=sendrecv', 'a=sendonly'), [LARGE])
    const dialog = await placed.established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    expect((await talk.send(cpim(LONG), { contentType: 'message/cpim' })).first).toMatch(/^413/)
    await dialog.bye()
    await nothingLeft(stage)
  })

  test('CPM-CONV-002: what the recipient wants holds: blocked 403, away it waits for him and comes as deferred', async () => {
    const { stage, device } = await open({
      preferences: { carol: { blocked: [ALICE] }, bob: { unavailable: 'defer' } },
    })
    const alice = await device('alice')
    await device('carol')
    const toCarol = writeCpim({
      from: ALICE,
      to: 'sip:carol@cpm.example',
      text: LONG,
      report: [],
      messageId: newMessageId(),
    })
    expect((await sendLarge(alice, 'sip:carol@cpm.example', toCarol)).send).toMatch(/^403/)
    expect((await sendLarge(alice, BOB, cpim(LONG))).send).toBe('200 OK')
    const bob = await device('bob')
    const { call, text } = await takeLarge(bob)
    expect(readCpim(Buffer.from(text))?.text).toBe(LONG)
    expect(header(call.invite, 'p-asserted-service')).toContain('oma.cpm.deferred')
    await nothingLeft(stage)
  })

  test('IW-12: it goes out to a service that can carry it', async () => {
    const { stage, device } = await open({ services: { sms: {} } })
    const alice = await device('alice')
    const to = 'tel:+12065559999'
    const body = (text: string) => writeCpim({ from: ALICE, to, text, report: [], messageId: newMessageId() })
    expect((await sendLarge(alice, to, body('fits'))).send).toBe('200 OK')
    const offered = await stage.service('sms').offered.next('the message', () => true)
    expect(offered.content).toMatchObject({ text: 'fits' })
    // The service played here takes 1,000 octets.
    expect((await sendLarge(alice, to, body(LONG))).send).toMatch(/^(413|403|415)/)
    await nothingLeft(stage)
  })

  test('a long message of a service reaches a device by INVITE and MSRP', async () => {
    const { stage, device } = await open({ services: { sms: {} } })
    const bob = await device('bob')
    const received = await stage.service('sms').gateway.receiveMessage({
      id: 'sms-long',
      rememberMs: 60_000,
      from: 'tel:+12065559999' as Uri,
      replyable: true,
      to: 'tel:+12065550102' as Uri,
      content: { type: 'text/plain;charset=utf-8', text: LONG },
      wantsReport: false,
      said: 'deliver_sm',
    })
    expect(received).toEqual({ kind: 'stored' })
    const { call, text } = await takeLarge(bob)
    expect(readCpim(Buffer.from(text))?.text).toBe(LONG)
    expect(header(call.invite, 'non-cpm-service')).toBe('sms')
    expect(header(call.invite, 'conversation-id')).not.toBe('')
    await nothingLeft(stage)
  })

  test('UP-08: where MSRP is taken over TLS alone, the device is offered nothing less', async () => {
    const authority = newAuthority()
    onTestFinished(() => authority.close())
    const media = { listen: ['tls:127.0.0.1:0'], tls: authority.issue('IP:127.0.0.1') }
    const { stage, device } = await open({ services: { sms: {} }, media })
    const bob = await device('bob')
    await stage.service('sms').gateway.receiveMessage({
      id: 'sms-long',
      rememberMs: 60_000,
      from: 'tel:+12065559999' as Uri,
      replyable: true,
      to: 'tel:+12065550102' as Uri,
      content: { type: 'text/plain', text: LONG },
      wantsReport: false,
      said: 'deliver_sm',
    })
    const call = await invited(bob)
    const sdp = call.invite.body.toString()
    expect(sdp).toMatch(/^m=message [1-9]\d+ TCP\/TLS\/MSRP/m)
    expect(sdp).toMatch(/^a=fingerprint:sha-256/im)
    call.refuse(603)
  })

  test('MSG-10: with a recipient list it goes to the controlling function, list and all', async () => {
    const seen: unknown[] = []
    const { stage, device } = await open({
      controlling: {
        hosts: () => false,
        notified: async () => false,
        async accept(_, message, recipients) {
          seen.push(message.content, recipients)
          return { status: 202 }
        },
      },
    })
    const alice = await device('alice')
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const list =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><list><entry uri="sip:bob@cpm.example" cp:copyControl="to"/><entry uri="tel:+12065559999"/></list></resource-lists>'
    const parts = [
      `Content-Type: application/sdp\r\n\r\n${offerOf(phone.sdp(), 100)}`,
      `Content-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n${list}`,
    ]
    const placed = alice.call('sip:lists@cpm.example', `--b\r\n${parts.join('\r\n--b\r\n')}\r\n--b--\r\n`, [
      ['P-Preferred-Service', `${LARGE[1]}.group`],
      ['Content-Type', 'multipart/mixed;boundary=b'],
      ['Require', 'recipient-list-invite'],
    ])
    const dialog = await placed.established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    const to = 'sip:lists@cpm.example'
    const body = writeCpim({ from: ALICE, to, text: 'to all', report: [], messageId: newMessageId() })
    expect((await talk.send(body, { contentType: 'message/cpim' })).first).toBe('200 OK')
    await dialog.bye()
    expect(seen).toMatchObject([
      { text: 'to all' },
      [
        { uri: BOB, copy: 'to' },
        { uri: 'tel:+12065559999', copy: 'bcc' },
      ],
    ])
    await nothingLeft(stage)
  })

  test('bad input: no message stream, no message/cpim, a forged sender, a second message', async () => {
    const { stage, device } = await open()
    const alice = await device('alice')
    const audio = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
    expect((await alice.call(BOB, audio, [LARGE]).final).status).toBe(488)
    expect((await sendLarge(alice, BOB, 'no cpim at all')).send).toMatch(/^400/)
    const forged = writeCpim({
      from: 'sip:carol@cpm.example',
      to: BOB,
      text: 'x',
      report: [],
      messageId: newMessageId(),
    })
    expect((await sendLarge(alice, BOB, forged)).send).toMatch(/^403/)
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const dialog = await alice.call(BOB, offerOf(phone.sdp(), 5), [LARGE]).established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    expect((await talk.send('x', { contentType: 'text/plain' })).first).toMatch(/^415/)
    await talk.send('no cpim', { contentType: 'message/cpim' })
    expect((await talk.send('no cpim', { contentType: 'message/cpim' })).first).toMatch(/^403/)
    await dialog.bye()
    await nothingLeft(stage)
  })

  test('TCP cut in the middle: nothing was received, and nothing is left', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const dialog = await alice.call(BOB, offerOf(phone.sdp(), 5), [LARGE]).established()
    const talk = await phone.connectTo(dialog.made.body.toString())
    const head = `MSRP cut12345 SEND\nTo-Path: ${talk.remote}\nFrom-Path: ${phone.path}\nMessage-ID: half\n`
    talk.peer.says(`${head}Byte-Range: 1-9000/9000\nContent-Type: message/cpim\n\nFrom: <${ALICE}>\n`)
    talk.peer.close()
    await dialog.requests.next('BYE', () => true)
    await nothingLeft(stage)
    expect([bob.calls.items.length, bob.others.items.length]).toEqual([0, 0])
  })

  test('a device that is lost in the middle of it has not got it: it waits', async () => {
    const { stage, device } = await open()
    const [alice, bob] = [await device('alice'), await device('bob')]
    const asking = alice.ask('MESSAGE', BOB, [['Content-Type', 'message/cpim']], cpim(LONG))
    const phone = await openMsrpPhone()
    onTestFinished(() => phone.close())
    const call = await invited(bob)
    const dialog = await call.accept(phone.sdp({ setup: 'active' }))
    const talk = await phone.connectTo(call.invite.body.toString())
    await talk.receives()
    talk.peer.close()
    await dialog.requests.next('BYE', () => true)
    expect((await asking).status).toBe(202)
    await nothingLeft(stage)
    expect(pathIn(call.invite.body.toString())).toContain('msrp://')
  })
})
