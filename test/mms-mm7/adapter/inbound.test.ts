import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as requestTls } from 'node:https'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ReceiveOutcome } from '../../../adapters/contract/index.js'
import mmsModule from '../../../adapters/mms-mm7/index.js'
import { isFault, readMessage } from '../../../adapters/mms-mm7/wire/index.js'
import type { ContributionId, Uri } from '../../../gateway/cpm/ids.js'
import { parsePart } from '../../../gateway/cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../../gateway/cpm/multipart.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { type Rig, startRig } from '../../contract-kit/rig.js'
import { TEST_CERTIFICATE, TEST_KEY } from '../../sms-smpp/certificate.js'
import { type HttpMessage, splitHttp } from '../http.js'
import { schemaFaults } from '../schema/xmllint.js'
import { scriptedMmsc } from '../scripted-mmsc.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const octetsOf = (file: string): Buffer => readFileSync(new URL(`../../vectors/mm7/${file}`, import.meta.url))
const INBOUND = { path: '/mm7/inbound', credentials: [{ user: 'mmsc1', password: 'inb0und' }] }

interface Inbound {
  readonly rig: Rig
  readonly port: number
  /** Posts octets as they are; resolves with the answer. */
  post(octets: Buffer): Promise<HttpMessage>
}

async function inboundRig(more: Record<string, unknown> = {}, options: Record<string, unknown> = {}): Promise<Inbound> {
  const port = await freePort()
  const mmsc = await scriptedMmsc(octetsOf('submit-01-text.rsp.http'))
  closing.push(() => mmsc.close())
  const account = { name: 'a', url: mmsc.url, vaspId: 'causeway', vasId: 'cpm' }
  const inbound = { listen: `127.0.0.1:${port}`, ...INBOUND, ...more }
  const rig = await startRig(mmsModule, { accounts: [account], inbound, ...options })
  closing.push(() => rig.stop(AbortSignal.abort()))
  return { rig, port, post: (octets) => exchange(port, octets) }
}

/** One request on a connection of its own; the answer that comes last (an interim one may come first). */
async function exchange(port: number, octets: Buffer): Promise<HttpMessage> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (complete(Buffer.concat(chunks))) socket.end()
  })
  socket.on('error', () => {})
  socket.write(octets)
  await once(socket, 'close')
  const all = Buffer.concat(chunks)
  return splitHttp(all.subarray(all.lastIndexOf('HTTP/1.1 ')))
}

function complete(octets: Buffer): boolean {
  const last = octets.subarray(octets.lastIndexOf('HTTP/1.1 '))
  if (!last.includes('\r\n\r\n') || last.subarray(9, 12).toString() === '100') return false
  const { headers, body } = splitHttp(last)
  return body.length >= Number(headers.get('content-length') ?? 0)
}

/** StatusCode and TransactionID of an answer. */
function answerOf({ headers, body }: HttpMessage) {
  const found = readMessage(headers.get('content-type'), body)
  if (isFault(found)) throw new Error(found.said)
  const { message, transactionId, dialect } = found
  return { operation: message.operation, code: 'status' in message ? message.status.code : 0, transactionId, dialect }
}

const CREDENTIALS = Buffer.from('mmsc1:inb0und').toString('base64')
const request = (type: string, body: string): Buffer =>
  Buffer.from(
    `POST /mm7/inbound HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${CREDENTIALS}\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )

const changed = (file: string, from: string | RegExp, to: string): Buffer => {
  const { start, headers, body } = splitHttp(octetsOf(file))
  const next = Buffer.from(body.toString('utf8').replace(from, to))
  const lines = [...headers].map(([name, value]) => `${name}: ${name === 'content-length' ? next.length : value}`)
  return Buffer.concat([Buffer.from(`${[start, ...lines].join('\r\n')}\r\n\r\n`), next])
}

describe('a message of an MMS user', () => {
  it('IWF-MSG-02 becomes one of CPM, and is answered when it is stored', async () => {
    const { rig, post } = await inboundRig()
    const answer = await post(octetsOf('deliver-01-text.req.http'))
    expect(answer.start).toBe('HTTP/1.1 200 OK')
    expect(answerOf(answer)).toMatchObject({ operation: 'DeliverRsp', code: 1000, transactionId: 'mm-1001' })
    expect(schemaFaults([answer.body.toString().replace(/^<\?xml[^>]*\?>/, '')])).toEqual([])
    const [message] = rig.gateway.messages
    expect(message).toMatchObject({
      from: 'tel:+447700900123',
      to: 'tel:+12065550100',
      replyable: true,
      subject: 'Hi',
      priority: 'normal',
      content: { type: 'text/plain; charset=utf-8', text: 'Antwort: schön' },
      sentAt: Date.parse('2025-11-20T10:20:00Z'),
      wantsReport: false,
    })
    expect(message?.said).not.toContain('Antwort')
  })

  it('IWF-10 comes with its media in the order of its presentation, the text first', async () => {
    const { rig, post } = await inboundRig()
    for (const file of ['deliver-02-smil-by-location.req.http', 'deliver-20-smil-by-cid.req.http']) {
      expect(answerOf(await post(octetsOf(file))).code).toBe(1000)
    }
    for (const { content } of rig.gateway.messages) {
      const body = 'base64' in content ? Buffer.from(content.base64, 'base64').toString('latin1') : ''
      const part = parsePart(`Content-Type: ${content.type}\r\n\r\n${body}`)
      const tree = 'kind' in part ? part : parseMimeTree(part)
      if (tree.kind === 'fault') throw new Error(tree.said)
      expect(leavesOf(tree).map(({ type }) => type)).toEqual(['text/plain', 'image/png'])
    }
  })

  it.for([
    ['only its presentation is named', '<Content href="cid:smil"/>'],
    ['nothing is named', ''],
  ])('IWF-10 loses nothing when its media lie side by side and %s', async ([, content]) => {
    const { rig, post } = await inboundRig()
    const sender = '<Sender><Number>+447700900123</Number></Sender>'
    const to = '<Recipients><To><Number>+12065550100</Number></To></Recipients>'
    const parts = [
      `Content-Type: text/xml\r\n\r\n<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><DeliverReq>${sender}${to}${content}</DeliverReq></e:Body></e:Envelope>`,
      'Content-Type: application/smil\r\nContent-ID: <smil>\r\n\r\n<smil><body><par><text src="t"/><img src="p"/></par></body></smil>',
      'Content-Type: image/gif\r\nContent-Location: p\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw=',
      'Content-Type: text/plain\r\nContent-Location: t\r\n\r\nlook',
    ]
    const body = `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`
    expect(answerOf(await post(request(`multipart/related; boundary=b`, body))).code).toBe(1000)
    const content0 = rig.gateway.messages[0]?.content
    const text = content0 && 'base64' in content0 ? Buffer.from(content0.base64, 'base64').toString() : ''
    expect(text).toContain('\r\n\r\nlook\r\n')
    expect(text).toContain('Content-Type: image/gif')
  })

  it('is the medium itself when there is nothing else', async () => {
    const { rig, post } = await inboundRig()
    await post(octetsOf('deliver-12-several-content.req.http'))
    await post(changed('deliver-12-several-content.req.http', '<Content href="cid:a1"/>', ''))
    expect(rig.gateway.messages[0]?.content.type).toMatch(/^multipart\/mixed/)
    expect(rig.gateway.messages[1]?.content).toMatchObject({
      type: 'image/gif',
      base64: expect.stringMatching(/^R0lG/),
    })
  })

  it.for([
    ['deliver-03-all-prefixed.req.http', 'prefix'],
    ['deliver-04-no-namespace.req.http', 'no ns'],
    ['deliver-06-bare-address.req.http', undefined],
    ['deliver-07-cid-space-no-brackets.req.http', 'sloppy'],
    ['deliver-08-href-without-cid.req.http', 'nocid'],
    ['deliver-09-href-with-brackets.req.http', 'brackets'],
    ['deliver-10-no-content-element.req.http', 'unreferenced'],
    ['deliver-11-content-location.req.http', 'by location'],
    ['deliver-13-no-start-parameter.req.http', 'first part is the root'],
    ['deliver-14-unquoted-type.req.http', 'unquoted'],
    ['deliver-15-utf16.req.http', undefined],
    ['deliver-16-reply-charging-uaprof.req.http', 'reply'],
    ['deliver-18-chunked-expect.req.http', 'chunked'],
    ['bad-04-no-transaction-id.req.http', 'no tid'],
    ['bad-06-content-missing.req.http', 'other'],
    ['bad-07-soap12.req.http', 'soap 1.2'],
    ['bad-08-envelope-namespace.req.http', 'typo ns'],
  ] as const)('is taken in the shape of %s', async ([file, text]) => {
    const { rig, post } = await inboundRig()
    expect(answerOf(await post(octetsOf(file)))).toMatchObject({ operation: 'DeliverRsp', code: 1000 })
    const [message] = rig.gateway.messages
    expect(message).toMatchObject({ from: 'tel:+447700900123', to: 'tel:+12065550100' })
    if (text !== undefined) expect(message?.content).toMatchObject({ text })
  })

  it('is answered in the words it was asked in', async () => {
    const { post } = await inboundRig()
    const prefixed = await post(octetsOf('deliver-03-all-prefixed.req.http'))
    expect(prefixed.body.toString()).toMatch(/<mm7:DeliverRsp xmlns:mm7=/)
    const soap12 = await post(octetsOf('bad-07-soap12.req.http'))
    expect(soap12.body.toString()).toContain('http://www.w3.org/2003/05/soap-envelope')
    const old = await post(changed('deliver-01-text.req.http', /REL-6-MM7-1-4(.*?)6\.8\.0/gs, 'REL-5-MM7-1-2$15.3.0'))
    expect(answerOf(old).dialect).toMatchObject({ version: '5.3.0' })
  })

  it('comes from a short code, or with the form of another interface', async () => {
    const { rig, post } = await inboundRig({ shortCodes: ['32665'] })
    await post(octetsOf('deliver-05-type-plmn.req.http'))
    expect(rig.gateway.messages[0]).toMatchObject({
      from: 'tel:+447700900123',
      to: 'tel:32665;phone-context=cpm.example',
    })
  })

  it.for([false, true])(
    'comes from a mail address, which can be answered where mail may go: %s',
    async (mailRecipients) => {
      const { rig, post } = await inboundRig({}, { mailRecipients })
      const sender = '<Sender><RFC2822Address>ann@example.com</RFC2822Address></Sender>'
      await post(changed('deliver-01-text.req.http', /<Sender>.*<\/Sender>/, sender))
      expect(rig.gateway.messages[0]).toMatchObject({ from: 'mailto:ann@example.com', replyable: mailRecipients })
    },
  )

  it.for<[string, ReceiveOutcome | Error, Record<string, unknown>, number, number]>([
    ['unknown', { kind: 'refused', reason: 'unknown-recipient' }, {}, 200, 2003],
    [
      'unknown, dropped by policy',
      { kind: 'refused', reason: 'unknown-recipient' },
      { unknownRecipient: 'drop' },
      200,
      1000,
    ],
    ['barred, kept secret', { kind: 'refused', reason: 'refused-by-recipient' }, {}, 200, 1000],
    ['barred, said openly', { kind: 'refused', reason: 'refused-by-recipient' }, { barred: 'refuse' }, 200, 3002],
    ['of a kind that nobody takes', { kind: 'refused', reason: 'content-unsupported' }, {}, 200, 2004],
    ['not to be stored now', { kind: 'unavailable', retryAfterMs: 1 }, {}, 500, 3000],
    ['not to be stored at all', new Error('the store is down'), {}, 500, 3000],
  ])('IWF-MSG-02 %s', async ([, outcome, more, http, code]) => {
    const { rig, post } = await inboundRig(more)
    rig.gateway.answerMessages(async () => {
      if (outcome instanceof Error) throw outcome
      return outcome
    })
    const answer = await post(octetsOf('deliver-01-text.req.http'))
    expect(answer.start).toMatch(new RegExp(`^HTTP/1.1 ${http} `))
    expect(answerOf(answer)).toMatchObject({ code, transactionId: 'mm-1001' })
  })

  it('that comes again is not delivered again', async () => {
    const { rig, post } = await inboundRig({ newIdRepeats: true })
    const codes = [
      await post(octetsOf('deliver-01-text.req.http')),
      await post(octetsOf('deliver-19-retry-same-transaction.req.http')),
      await post(changed('deliver-01-text.req.http', 'mm-1001', 'mm-9999')),
    ].map((answer) => answerOf(answer).code)
    expect(codes).toEqual([1000, 1000, 1000])
    expect(rig.gateway.messages).toHaveLength(1)
    await post(changed('deliver-01-text.req.http', 'Antwort', 'Anders'))
    expect(rig.gateway.messages).toHaveLength(2)
  })

  it('for several of our users is one for each; those of others do not matter', async () => {
    const { rig, post } = await inboundRig()
    rig.gateway.answerMessages(async ({ to }) =>
      to === 'tel:+12065550199' ? { kind: 'refused', reason: 'unknown-recipient' } : { kind: 'stored' },
    )
    const several =
      '<To><Number>+12065550100</Number><Number>+12065550199</Number><Number displayOnly="true">+12065550177</Number></To><Cc><Number>+12065550101</Number></Cc>'
    const answer = await post(changed('deliver-01-text.req.http', /<To>.*<\/To>/, several))
    expect(answerOf(answer).code).toBe(1000)
    expect(rig.gateway.messages.map(({ to }) => to)).toEqual(['tel:+12065550100', 'tel:+12065550101'])
    expect(new Set(rig.gateway.messages.map(({ id }) => id)).size).toBe(2)
  })

  it('for more than can be stored at once is refused as a whole, so that none misses it unsaid', async () => {
    const { rig, post } = await inboundRig()
    const to = (count: number) =>
      `<To>${Array.from({ length: count }, (_, at) => `<Number>+1206555${1000 + at}</Number>`).join('')}</To>`
    expect(answerOf(await post(changed('deliver-01-text.req.http', /<To>.*<\/To>/, to(51)))).code).toBe(3003)
    expect(rig.gateway.messages).toHaveLength(0)
    expect(answerOf(await post(changed('deliver-01-text.req.http', /<To>.*<\/To>/, to(50)))).code).toBe(1000)
    expect(rig.gateway.messages).toHaveLength(50)
  })

  it('that names no recipient is for whom its VASID stands', async () => {
    const { rig, post } = await inboundRig({ recipients: { cpm: '+12065550100' } })
    const nobody = changed('deliver-01-text.req.http', /<Recipients>.*<\/Recipients>/, '')
    expect(answerOf(await post(nobody)).code).toBe(1000)
    expect(rig.gateway.messages[0]?.to).toBe('tel:+12065550100')
  })

  it('for another provider is refused', async () => {
    const { post } = await inboundRig()
    const answer = await post(changed('deliver-01-text.req.http', '<VASPID>causeway<', '<VASPID>other<'))
    expect(answerOf(answer)).toMatchObject({ operation: 'VASPErrorRsp', code: 4001 })
  })

  it('CONV-08 keeps its LinkedID for the answer, and names the contribution it answers itself', async () => {
    const { rig, post } = await inboundRig()
    await rig.ready()
    await rig.send({ to: 'tel:+447700900123' as Uri, contributionId: 'c-77' as ContributionId })
    await post(changed('deliver-16-reply-charging-uaprof.req.http', 'MSG-1', '041120101531001'))
    expect(rig.gateway.messages[0]).toMatchObject({ inReplyTo: 'c-77' })
    expect(rig.store.keys().filter((key) => key.startsWith('linked|'))).toEqual([
      'linked|tel:+447700900123|tel:+12065550100',
    ])
  })
})

describe('a report', () => {
  it.for([
    ['report-01-retrieved.req.http', ['delivered'], undefined],
    ['report-02-expired.req.http', ['failed'], 'expired'],
    ['report-03-rejected-by-recipient.req.http', ['failed'], 'refused-by-recipient'],
    ['report-04-rejected-by-other.req.http', ['failed'], 'unreachable-network'],
    ['report-05-indeterminate.req.http', ['error'], 'uncertain'],
    ['report-06-forwarded.req.http', [], undefined],
    ['report-07-unrecognised.req.http', ['failed'], 'content-unsupported'],
    ['report-08-unrecognized.req.http', ['failed'], 'content-unsupported'],
    ['report-09-deferred.req.http', ['interim'], undefined],
    ['report-10-unreachable.req.http', ['failed'], 'recipient-unavailable'],
    ['report-11-notsupported.req.http', ['failed'], 'content-unsupported'],
    ['report-12-delivered.req.http', ['delivered'], undefined],
    ['report-13-deliveryconditionnotmet.req.http', ['failed'], 'recipient-unavailable'],
    ['report-20-number-forms.req.http', ['delivered'], undefined],
    ['read-01-read.req.http', ['delivered', 'displayed'], undefined],
    ['read-02-deleted.req.http', [], undefined],
    ['read-03-indeterminate.req.http', [], undefined],
  ] as const)('IWF-REP-02 %s', async ([file, states, reason]) => {
    const { rig, post } = await inboundRig()
    await rig.ready()
    const sent = await rig.send({ to: 'tel:+447700900123' as Uri })
    if (sent.kind !== 'accepted') throw new Error(sent.kind)
    const answer = await post(octetsOf(file))
    expect(answer.start).toBe('HTTP/1.1 200 OK')
    expect(answerOf(answer).code).toBe(1000)
    expect(rig.gateway.reports.map(({ state }) => state)).toEqual(states)
    for (const report of rig.gateway.reports) {
      expect(report.keys.some((key) => sent.parts[0]?.keys.includes(key))).toBe(true)
      expect(report.addresses).toContain('tel:+447700900123')
      if (reason !== undefined) expect(report.reason).toBe(reason)
      expect(report.at).toBeGreaterThan(Date.UTC(2025, 0))
    }
  })

  it('IWF-REP-02 means what the operator says it means', async () => {
    const { rig, post } = await inboundRig({}, { reports: { forwarded: 'delivered', indeterminate: 'delivered' } })
    await post(octetsOf('report-05-indeterminate.req.http'))
    await post(octetsOf('report-06-forwarded.req.http'))
    expect(rig.gateway.reports.map(({ state }) => state)).toEqual(['delivered', 'delivered'])
  })

  it('that cannot be stored comes again', async () => {
    const { rig, post } = await inboundRig()
    rig.gateway.answerReports(() => Promise.reject(new Error('the store is down')))
    const answer = await post(octetsOf('report-01-retrieved.req.http'))
    expect(answer.start).toMatch(/^HTTP\/1.1 500 /)
    expect(answerOf(answer).code).toBe(3000)
  })

  it('about a message that nobody knows is a success all the same', async () => {
    const { rig, post } = await inboundRig()
    rig.gateway.answerReports(async () => 'parked')
    expect(answerOf(await post(octetsOf('report-01-retrieved.req.http'))).code).toBe(1000)
  })
})

describe('the door', () => {
  it.for([
    ['bad-01-not-xml.req.http', 500, 4004],
    ['bad-02-doctype-entity.req.http', 500, 4004],
    ['bad-03-unknown-operation.req.http', 500, 4003],
  ] as const)('%s is answered with a fault', async ([file, http, code]) => {
    const { rig, post } = await inboundRig()
    const answer = await post(octetsOf(file))
    expect(answer.start).toMatch(new RegExp(`^HTTP/1.1 ${http} `))
    expect(answerOf(answer).code).toBe(code)
    expect(answer.body.toString()).toContain('<faultcode>soapenv:Client</faultcode>')
    expect(schemaFaults([answer.body.toString().replace(/^<\?xml[^>]*\?>/, '')])).toEqual([])
    expect(rig.gateway.messages).toHaveLength(0)
  })

  it('asks who is there, and lets nobody in who says it wrong', async () => {
    const { rig, post } = await inboundRig()
    const nobody = await post(octetsOf('bad-09-no-auth.req.http'))
    expect(nobody.start).toMatch(/^HTTP\/1.1 401 /)
    expect(nobody.headers.get('www-authenticate')).toMatch(/^Basic /)
    const wrong = octetsOf('deliver-01-text.req.http')
      .toString('latin1')
      .replace(/Basic \S+/, 'Basic bW1zYzE6d3Jvbmc=')
    expect((await post(Buffer.from(wrong, 'latin1'))).start).toMatch(/^HTTP\/1.1 401 /)
    expect(rig.gateway.messages).toHaveLength(0)
  })

  it('answers POST only, at its path only', async () => {
    const { post } = await inboundRig()
    const get = await post(octetsOf('bad-10-get.req.http'))
    expect(get.start).toMatch(/^HTTP\/1.1 405 /)
    expect(get.headers.get('allow')).toBe('POST')
    expect((await post(Buffer.from('POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'))).start).toMatch(
      /^HTTP\/1.1 404 /,
    )
  })

  it('opens for the addresses it knows', async () => {
    const closed = await inboundRig({ allow: ['10.0.0.0/8', '192.0.2.1'] })
    expect((await closed.post(octetsOf('deliver-01-text.req.http'))).start).toMatch(/^HTTP\/1.1 403 /)
    expect(closed.rig.gateway.messages).toHaveLength(0)
    expect(await closed.rig.metrics.metrics()).toMatch(/incoming_total\{.*answer="403"\} 1/)
    const open = await inboundRig({ allow: ['127.0.0.0/8'] })
    expect((await open.post(octetsOf('deliver-01-text.req.http'))).start).toMatch(/^HTTP\/1.1 200 /)
  })

  it('takes no more than it can hold', async () => {
    const { rig, post } = await inboundRig({ maxBody: 65_536 })
    const large = changed('deliver-01-text.req.http', 'Antwort', 'x'.repeat(100_000))
    const answer = await post(large)
    expect(answer.start).toMatch(/^HTTP\/1.1 413 /)
    expect(rig.gateway.messages).toHaveLength(0)
  })

  it('ends a body of no announced length as soon as it is too much, and reads no more of it', async () => {
    const { rig, port } = await inboundRig({ maxBody: 65_536, auth: 'basic', credentials: [] })
    const socket = connect(port, '127.0.0.1')
    closing.push(async () => socket.destroy())
    socket.on('error', () => {})
    let heard = ''
    const closed = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1')
      })
      socket.once('close', () => resolve())
    })
    socket.write(
      'POST /mm7/inbound HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = `2000\r\n${'x'.repeat(0x2000)}\r\n`
    for (let sent = 0; sent < 12; sent += 1) socket.write(chunk)
    await closed
    expect(heard).toMatch(/^HTTP\/1.1 413 /)
    expect(rig.gateway.messages).toHaveLength(0)
  })

  it.for([
    ['so many', { parallel: 1 }, ['deliver-07-cid-space-no-brackets.req.http']],
    [
      'so many octets',
      { maxBody: 65_536, maxHeld: 65_536 },
      ['deliver-07-cid-space-no-brackets.req.http', 'deliver-08-href-without-cid.req.http'],
    ],
  ] as const)('lets %s in at once, and tells the others to come later', async ([, limits, fits]) => {
    const { rig, post } = await inboundRig(limits)
    let store = () => {}
    const stored = new Promise<void>((resolve) => {
      store = resolve
    })
    let asked = false
    rig.gateway.answerMessages(async () => {
      asked = true
      await stored
      return { kind: 'stored' }
    })
    // Chunked, it does not say how long it is.
    const first = post(octetsOf('deliver-18-chunked-expect.req.http'))
    await expect.poll(() => asked).toBe(true)
    const second = await post(octetsOf('deliver-03-all-prefixed.req.http'))
    expect(second.start).toMatch(/^HTTP\/1.1 503 /)
    expect(second.headers.get('retry-after')).toBe('5')
    store()
    expect((await first).start).toMatch(/^HTTP\/1.1 200 /)
    const later = await Promise.all(fits.map((file) => post(octetsOf(file))))
    expect(later.map(({ start }) => start)).toEqual(fits.map(() => 'HTTP/1.1 200 OK'))
  })

  it('closes when the gateway stops, once what is under way is answered', async () => {
    const { rig, post, port } = await inboundRig()
    let store = () => {}
    const stored = new Promise<void>((resolve) => {
      store = resolve
    })
    let asked = false
    rig.gateway.answerMessages(async () => {
      asked = true
      await stored
      return { kind: 'stored' }
    })
    const answer = post(octetsOf('deliver-01-text.req.http'))
    await expect.poll(() => asked).toBe(true)
    const stopping = rig.stop()
    store()
    expect((await answer).start).toMatch(/^HTTP\/1.1 200 /)
    await stopping
    const socket = connect(port, '127.0.0.1')
    const [error] = await once(socket, 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('wants a certificate where it is told to', async () => {
    const { port } = await inboundRig({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY, clientCa: TEST_CERTIFICATE } })
    const ask = (more: object) =>
      new Promise<number | string>((resolve) => {
        const target = { host: '127.0.0.1', port, path: '/mm7/inbound', method: 'POST', rejectUnauthorized: false }
        requestTls({ ...target, ...more }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
          .on('error', () => resolve('refused'))
          .end()
      })
    expect(await ask({})).toBe('refused')
    expect(await ask({ cert: TEST_CERTIFICATE, key: TEST_KEY })).toBe(401)
  })
})
