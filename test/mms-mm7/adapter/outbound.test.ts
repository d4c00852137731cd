import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { SendOutcome } from '../../../adapters/contract/index.js'
import mmsModule from '../../../adapters/mms-mm7/index.js'
import { mediaTypeOf } from '../../../adapters/mms-mm7/wire/index.js'
import type { ContributionId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { manualClock } from '../../contract-kit/clock.js'
import { type RigSettings, startRig } from '../../contract-kit/rig.js'
import { TEST_CERTIFICATE, TEST_KEY } from '../../sms-smpp/certificate.js'
import { PICTURE } from '../picture.js'
import { type Act, closing as answering, scriptedMmsc } from '../scripted-mmsc.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const answer = (file: string): Buffer => readFileSync(new URL(`../../vectors/mm7/${file}`, import.meta.url))
const OK = answer('submit-01-text.rsp.http')
const mmscFor = async (act: Act = OK, options?: Parameters<typeof scriptedMmsc>[1]) => {
  const mmsc = await scriptedMmsc(act, options)
  closing.push(() => mmsc.close())
  return mmsc
}
const TIMERS = { probe: '20ms', retryFirst: '10ms', retryMax: '20ms' }
const account = (url: string, more: Record<string, unknown> = {}) => ({
  name: 'a',
  url,
  rate: 'unlimited',
  timers: TIMERS,
  ...more,
})
const rigFor = async (accounts: readonly unknown[], more: Record<string, unknown> = {}, settings: RigSettings = {}) => {
  const rig = await startRig(mmsModule, { accounts, ...more }, settings)
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return rig
}
const said = (outcome: SendOutcome): string => ('said' in outcome ? outcome.said : '')

describe('the answer of the MMSC', () => {
  it.for<[string, object]>([
    ['submit-01-text.rsp.http', { kind: 'accepted', parts: [{ id: '041120101531001' }] }],
    ['submit-02-smil-image.rsp.http', { kind: 'accepted' }],
    ['submit-04-partial-success.rsp.http', { kind: 'accepted', parts: [{ id: '041120101531004' }] }],
    ['submit-09-fault-unknown-vasp.rsp.http', { kind: 'busy', reason: 'authentication', maxAttempts: 3 }],
    ['submit-09-fault-bad-version.rsp.http', { kind: 'refused', final: 'here', reason: 'internal' }],
    ['submit-09-fault-unsupported-op.rsp.http', { kind: 'refused', final: 'here', reason: 'service-unsupported' }],
    ['submit-09-fault-validation.rsp.http', { kind: 'refused', final: 'here', reason: 'internal' }],
    ['submit-09-fault-service-error.rsp.http', { kind: 'busy', reason: 'service-unavailable', maxAttempts: 3 }],
    ['submit-09-fault-unavailable.rsp.http', { kind: 'busy', reason: 'service-unavailable' }],
    ['submit-09-fault-denied.rsp.http', { kind: 'refused', final: 'here', reason: 'sender-not-allowed' }],
    ['submit-09-fault-server-error.rsp.http', { kind: 'busy', reason: 'service-unavailable' }],
    ['submit-10-status-address-error.rsp.http', { kind: 'refused', final: 'here', reason: 'unknown-recipient' }],
    ['submit-10-status-address-not-found.rsp.http', { kind: 'refused', final: 'here', reason: 'unknown-recipient' }],
    ['submit-10-status-restricted.rsp.http', { kind: 'refused', final: 'here', reason: 'sender-not-allowed' }],
    ['submit-10-status-not-possible.rsp.http', { kind: 'busy', maxAttempts: 3 }],
    ['submit-10-status-rejected.rsp.http', { kind: 'refused', final: 'everywhere', reason: 'refused-by-recipient' }],
    ['submit-10-status-multi-address.rsp.http', { kind: 'refused', final: 'here' }],
    ['submit-11-http-401.rsp.http', { kind: 'busy', reason: 'authentication', maxAttempts: 3 }],
    ['submit-11-http-503.rsp.http', { kind: 'busy', retryAfterMs: 30_000, scope: 'peer' }],
    ['submit-11-empty-200.rsp.http', { kind: 'uncertain' }],
    ['submit-12-fault-code-in-string.rsp.http', { kind: 'refused', reason: 'malformed' }],
    ['submit-13-rsp-mustunderstand-colon-prefixed-fault.rsp.http', { kind: 'refused', reason: 'unknown-recipient' }],
    ['submit-14-rsp-other-namespace.rsp.http', { kind: 'accepted', parts: [{ id: 'A-77' }] }],
  ])('IWF-MSG-01 %s', async ([file, expected]) => {
    const mmsc = await mmscFor(answer(file))
    const rig = await rigFor([account(mmsc.url)])
    const outcome = await rig.send({})
    expect(outcome).toMatchObject(expected)
    expect(said(outcome)).toMatch(/^[^\r\n]{3,}$/)
  })

  it.for([
    [2560, { kind: 'refused', final: 'here' }],
    [3510, { kind: 'busy', scope: 'message' }],
    [4999, { kind: 'busy', maxAttempts: 3 }],
  ] as const)(
    'IW-08 of a StatusCode that only the operator knows (%i) the first digit counts',
    async ([code, expected]) => {
      const mmsc = await mmscFor(Buffer.from(OK.toString().replace('>1000<', `>${code}<`)))
      const rig = await rigFor([account(mmsc.url)])
      expect(await rig.send({})).toMatchObject(expected)
    },
  )

  it.for([302, 403, 404, 405])('HTTP %i without MM7 closes the account, and the message waits', async (status) => {
    const mmsc = await mmscFor(Buffer.from(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`))
    const rig = await rigFor([account(mmsc.url)])
    expect(await rig.send({})).toMatchObject({ kind: 'busy', reason: 'authentication', maxAttempts: 3 })
    expect(rig.adapter.health()).toMatchObject({ state: 'refused', detail: expect.stringContaining(`HTTP ${status}`) })
  })

  it.for([
    [429, '', { kind: 'busy', retryAfterMs: 10_000, scope: 'peer', reason: 'throttled' }],
    [503, 'Retry-After: 999999\r\n', { kind: 'busy', retryAfterMs: 3_600_000, scope: 'peer' }],
    [500, '', { kind: 'busy', retryAfterMs: 30_000, scope: 'message' }],
    [500, 'Retry-After: 7\r\n', { kind: 'busy', retryAfterMs: 7_000, scope: 'peer' }],
    [502, '', { kind: 'uncertain' }],
    [504, '', { kind: 'uncertain' }],
    [413, '', { kind: 'refused', final: 'here', reason: 'too-large' }],
  ] as const)('HTTP %i without MM7, %j', async ([status, header, expected]) => {
    const mmsc = await mmscFor(Buffer.from(`HTTP/1.1 ${status} No\r\n${header}Content-Length: 0\r\n\r\n`))
    const rig = await rigFor([account(mmsc.url)])
    expect(await rig.send({})).toMatchObject(expected)
    expect(rig.adapter.messages.parallel()).toBe('scope' in expected && expected.scope === 'peer' ? 0 : 4)
  })

  it('is one line in the trace, whatever the MMSC writes', async () => {
    const odd = OK.toString().replace('>Success<', '>So\r\nbe it<').replace('>041120101531001<', '>A\nB<')
    const mmsc = await mmscFor(
      Buffer.from(odd.replace(/Content-Length: (\d+)/, (_, length) => `Content-Length: ${Number(length) - 10}`)),
    )
    const rig = await rigFor([account(mmsc.url)])
    expect(said(await rig.send({}))).toMatch(/^SubmitRsp 1000 So +be it, id A B$/)
  })

  it('has another meaning where the operator says so', async () => {
    const mmsc = await mmscFor(answer('submit-10-status-restricted.rsp.http'))
    const rig = await rigFor([account(mmsc.url, { statusOverrides: { 2001: 'busy' } })])
    expect(await rig.send({})).toMatchObject({ kind: 'busy', reason: 'sender-not-allowed' })
  })

  it('that is empty means taken where the operator says so', async () => {
    const mmsc = await mmscFor(answer('submit-11-empty-200.rsp.http'))
    const rig = await rigFor([account(mmsc.url, { emptyAnswer: 'accepted' })])
    expect(await rig.send({})).toMatchObject({ kind: 'accepted', reportExpected: false })
  })

  it('that refuses the content leads to one more try with a smaller one', async () => {
    const mmsc = await mmscFor()
    mmsc.act((_, index) => (index === 0 ? answer('submit-10-status-content-refused.rsp.http') : OK))
    const rig = await rigFor([account(mmsc.url)])
    const message = { messageId: 'm' as MessageId, content: { type: 'image/png', base64: PICTURE.toString('base64') } }
    const first = await rig.send(message)
    if (first.kind !== 'busy' || !first.progress) throw new Error(said(first))
    expect(first).toMatchObject({ retryAfterMs: 0 })
    const second = await rig.send(message, { number: 2, progress: first.progress })
    expect(second.kind).toBe('accepted')
    const sizes = mmsc.heard.map(({ received }) => received.content?.parts[0]?.octets.length ?? 0)
    expect(sizes[0]).toBeGreaterThan(102_400)
    expect(sizes[1]).toBeLessThan(102_400)
    mmsc.act(() => answer('submit-10-status-content-refused.rsp.http'))
    const third = await rig.send(message, { number: 3, progress: first.progress })
    expect(third).toMatchObject({ kind: 'refused', final: 'here', reason: 'content-unsupported' })
  })

  it('after its time settles what was called uncertain', async () => {
    const mmsc = await mmscFor('silence')
    const rig = await rigFor([account(mmsc.url, { timers: { ...TIMERS, request: '20ms' } })])
    const messageId = 'late' as MessageId
    expect(await rig.send({ messageId })).toMatchObject({ kind: 'uncertain', reason: 'timeout' })
    mmsc.heard[0]?.connection.end(answering(OK))
    const settled = await rig.gateway.until(() => rig.gateway.settled[0])
    expect(settled).toMatchObject({ messageId, outcome: { kind: 'accepted' } })
  })

  it('that never comes because the connection broke is uncertain, and nothing is sent twice by us', async () => {
    const mmsc = await mmscFor('cut')
    const rig = await rigFor([account(mmsc.url)])
    expect(await rig.send({})).toMatchObject({ kind: 'uncertain', reason: 'uncertain' })
    expect(mmsc.heard).toHaveLength(1)
  })
})

describe('the request', () => {
  it('IWF-MSG-01 says who, to whom, until when and what is to be reported', async () => {
    const mmsc = await mmscFor()
    const profile = {
      user: 'causeway',
      password: 's3cret',
      vaspId: 'cw',
      vasId: 'cpm',
      serviceCode: 'gold',
      soapAction: 'Submit',
    }
    const rig = await rigFor([account(mmsc.url, { ...profile, chargedParty: 'Sender', distributionIndicator: false })])
    const expiresAt = Date.now() + 3_600_000
    await rig.send({
      subject: 'Hello',
      priority: 'urgent',
      expiresAt,
      reports: { delivered: true, failed: true, displayed: true },
    })
    const [heard] = mmsc.heard
    expect(heard?.headers.authorization).toBe(`Basic ${Buffer.from('causeway:s3cret').toString('base64')}`)
    expect(heard?.headers.soapaction).toBe('"Submit"')
    expect(heard?.received.message).toMatchObject({
      operation: 'SubmitReq',
      senderIdentification: { vaspId: 'cw', vasId: 'cpm', senderAddress: { kind: 'Number', value: '+12065550100' } },
      recipients: { to: [{ kind: 'Number', value: '+12065550123' }] },
      serviceCode: 'gold',
      messageClass: 'Personal',
      expiryDate: `${new Date(expiresAt).toISOString().slice(0, 19)}Z`,
      deliveryReport: true,
      readReply: true,
      priority: 'High',
      subject: 'Hello',
      chargedParty: 'Sender',
      distributionIndicator: false,
      contentClass: 'text',
      drmContent: false,
      contents: [{ allowAdaptations: true }],
    })
    expect(heard?.received.transactionId).toMatch(/^[A-Za-z0-9-]{1,64}$/)
  })

  it('is the same, with the same TransactionID, in every attempt', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)])
    await rig.send({ messageId: 'one@host' as MessageId })
    await rig.send({ messageId: 'one@host' as MessageId }, { number: 2, possibleDuplicate: true })
    await rig.send({ messageId: 'two' as MessageId })
    const [first, second, other] = mmsc.heard.map(({ received }) => received.transactionId)
    expect(second).toBe(first)
    expect(other).not.toBe(first)
  })

  it('speaks the release, prefix and form of numbers that the MMSC wants', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, { release: 'REL-5-MM7-1-2', prefix: 'mm7', numberForm: 'digits' })])
    await rig.send({})
    const { message, dialect } = mmsc.heard[0]?.received ?? {}
    expect(dialect).toMatchObject({ version: '5.3.0', prefix: 'mm7' })
    expect(dialect?.namespace).toMatch(/REL-5-MM7-1-2$/)
    expect(message).toMatchObject({ recipients: { to: [{ value: '12065550123' }] } })
    expect(message).not.toHaveProperty('contentClass')
  })

  it('goes to short codes and mail addresses, where they may', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)], { mailRecipients: true })
    await rig.send({ from: 'tel:32665;phone-context=cpm.example' as Uri, to: 'mailto:ann@example.com' as Uri })
    expect(mmsc.heard[0]?.received.message).toMatchObject({
      senderIdentification: { senderAddress: { kind: 'ShortCode', value: '32665' } },
      recipients: { to: [{ kind: 'RFC2822Address', value: 'ann@example.com' }] },
    })
    expect(rig.adapter.addresses.toService('sip:ann@elsewhere.example' as Uri)).toBeUndefined()
  })

  it('is one text without presentation, or media with one that names them', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)])
    await rig.send({})
    const mixed = [
      '--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLook: ☀',
      `--b\r\nContent-Type: image/png; name="sun.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n${PICTURE.toString('base64')}`,
      '--b--',
    ].join('\r\n')
    await rig.send({ content: { type: 'multipart/mixed; boundary=b', text: mixed } })
    const [text, media] = mmsc.heard.map(({ received }) => received.content)
    expect(text?.smil).toBeUndefined()
    expect(text?.parts.map(mediaTypeOf)).toEqual(['text/plain'])
    expect(media?.parts.map(mediaTypeOf)).toEqual(['text/plain', 'image/png'])
    expect(Buffer.from(media?.parts[0]?.octets ?? []).toString()).toBe('Look: ☀')
    expect(media?.parts[1]).toMatchObject({ name: 'sun.png', contentId: 'sun.png', location: 'sun.png' })
    expect(media?.smil).toContain('<img src="sun.png" region="Image"/>')
  })

  it('IWF-MSG-01 names in the text what could not go, and refuses what has nothing left', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)])
    const mixed = [
      '--b\r\nContent-Type: text/plain\r\n\r\nthe plan',
      '--b\r\nContent-Type: application/pdf; name="plan.pdf"\r\n\r\n%PDF',
      '--b--',
    ].join('\r\n')
    const content = { type: 'multipart/mixed; boundary=b', text: mixed }
    const outcome = await rig.send({ content })
    expect(said(outcome)).toContain('application/pdf left-out')
    const [part] = mmsc.heard[0]?.received.content?.parts ?? []
    expect(Buffer.from(part?.octets ?? []).toString()).toBe('the plan\n[plan.pdf was left out]')
    const alone = { type: 'application/pdf', base64: 'JVBERg==' }
    expect(await rig.send({ content: alone })).toMatchObject({
      kind: 'refused',
      final: 'here',
      reason: 'content-unsupported',
    })
    expect(rig.adapter.messages.refuses({ content: alone })).toBe('content-unsupported')
    expect(rig.adapter.messages.refuses({ content })).toBeUndefined()
    const strict = await rigFor([account(mmsc.url)], { leftOut: 'refuse' })
    expect(strict.adapter.messages.refuses({ content })).toBe('content-unsupported')
    expect(await strict.send({ content })).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
  })

  it('ISF-01 is refused beforehand when it is too large, but not for a picture, which can be made smaller', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)])
    const large = Buffer.alloc(400_000).toString('base64')
    const { refuses } = rig.adapter.messages
    expect(refuses({ content: { type: 'image/jpeg', base64: large } })).toBeUndefined()
    expect(refuses({ content: { type: 'text/plain', text: 'x'.repeat(400_000) } })).toBe('too-large')
    expect(refuses({ content: { type: 'multipart/mixed; boundary=b', text: '--b\r\n\r\ncut' } })).toBe('malformed')
  })

  it('carries the link of a file that is elsewhere, and the best of alternatives', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)])
    const file =
      '<file><file-info type="thumbnail"><data url="https://cs.example/t"/></file-info><file-info type="file"><data url="https://cs.example/f?a=1&amp;b=2"/></file-info></file>'
    await rig.send({ content: { type: 'application/vnd.gsma.rcs-ft-http+xml', text: file } })
    const both =
      '--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>rich</b>\r\n--b--'
    await rig.send({ content: { type: 'multipart/alternative; boundary=b', text: both } })
    const texts = mmsc.heard.map(({ received }) => Buffer.from(received.content?.parts[0]?.octets ?? []).toString())
    expect(texts).toEqual(['https://cs.example/f?a=1&b=2', 'plain'])
  })
})

describe('the way to MMSCs', () => {
  it('goes over another one while the first cannot be reached', async () => {
    const [one, two] = [await mmscFor(), await mmscFor()]
    const rig = await rigFor([account(one.url, { name: 'one' }), account(two.url, { name: 'two', weight: 0 })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    expect((await rig.send({})).kind).toBe('accepted')
    expect([one.heard.length, two.heard.length]).toEqual([1, 0])
    await one.close()
    await rig.gateway.until(() => (rig.adapter.health().state === 'degraded' ? true : undefined))
    expect((await rig.send({})).kind).toBe('accepted')
    expect(two.heard).toHaveLength(1)
  })

  it('IW-09 takes what one did not take to the other, and what one may have taken to the same', async () => {
    const busy = answer('submit-09-fault-unavailable.rsp.http')
    const [one, two] = [await mmscFor(busy), await mmscFor()]
    const rig = await rigFor([account(one.url, { name: 'one' }), account(two.url, { name: 'two', weight: 0 })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    expect((await rig.send({})).kind).toBe('busy')
    expect((await rig.send({}, { number: 2, possibleDuplicate: true })).kind).toBe('busy')
    expect([one.heard.length, two.heard.length]).toEqual([2, 0])
    expect((await rig.send({}, { number: 2 })).kind).toBe('accepted')
    expect([one.heard.length, two.heard.length]).toEqual([2, 1])
  })

  it('knows that nothing was read by an MMSC that does not believe its certificate', async () => {
    const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true }
    const mmsc = await mmscFor(OK, { tls })
    const rig = await rigFor([account(mmsc.url, { tls: { ca: TEST_CERTIFICATE, servername: 'smsc.test' } })])
    expect(await rig.send({})).toMatchObject({ kind: 'busy', said: expect.stringMatching(/certificate/i) })
    expect(mmsc.heard).toHaveLength(0)
  })

  it('speaks TLS with a certificate of its own, and believes only the right one', async () => {
    const tls = {
      key: TEST_KEY,
      cert: TEST_CERTIFICATE,
      ca: TEST_CERTIFICATE,
      requestCert: true,
      rejectUnauthorized: true,
    }
    const mmsc = await mmscFor(OK, { tls })
    const ours = { ca: TEST_CERTIFICATE, key: TEST_KEY, cert: TEST_CERTIFICATE, servername: 'smsc.test' }
    const rig = await rigFor([account(mmsc.url, { tls: ours })])
    expect(await rig.send({})).toMatchObject({ kind: 'accepted' })
    const careful = await startRig(mmsModule, {
      accounts: [account(mmsc.url, { tls: { ...ours, servername: 'other.test' } })],
    })
    closing.push(() => careful.stop(AbortSignal.abort()))
    await careful.gateway.until(() => careful.adapter.health().links.find(({ state }) => state === 'down'))
    expect(careful.adapter.health()).toMatchObject({
      state: 'connecting',
      detail: expect.stringMatching(/other\.test/),
    })
    expect((await careful.send({})).kind).toBe('busy')
    expect(mmsc.heard).toHaveLength(1)
  })

  it('takes a new connection each time where the MMSC closes them unsaid', async () => {
    const mmsc = await mmscFor(OK, { unsaid: true })
    const rig = await rigFor([account(mmsc.url, { reuse: false })])
    for (let count = 0; count < 5; count += 1) expect((await rig.send({})).kind).toBe('accepted')
    expect(new Set(mmsc.heard.map(({ connection }) => connection)).size).toBe(5)
  })

  it.for(['submit-11-http-401.rsp.http', 'submit-09-fault-unknown-vasp.rsp.http'])(
    'is closed for a while after refused credentials (%s), and then tried again',
    async (file) => {
      const clock = manualClock(Date.now())
      const mmsc = await mmscFor(answer(file))
      const rig = await rigFor([account(mmsc.url)], {}, { clock })
      await rig.send({})
      expect(rig.adapter.health().state).toBe('refused')
      expect(rig.adapter.messages.parallel()).toBe(0)
      clock.advance(299_000)
      expect(rig.adapter.health().state).toBe('refused')
      clock.advance(1_000)
      await rig.ready()
      expect(rig.adapter.health().state).toBe('up')
    },
  )

  it('is looked at anew when a connection breaks', async () => {
    const mmsc = await mmscFor(OK)
    const rig = await rigFor([account(mmsc.url, { timers: { ...TIMERS, probe: '1h' } })])
    mmsc.act(() => {
      void mmsc.close()
      return 'cut'
    })
    expect((await rig.send({})).kind).toBe('uncertain')
    await rig.gateway.until(() => (rig.adapter.health().state === 'connecting' ? true : undefined))
  })

  it('is closed for as long as Retry-After says', async () => {
    const clock = manualClock(Date.now())
    const mmsc = await mmscFor(answer('submit-11-http-503.rsp.http'))
    const rig = await rigFor([account(mmsc.url)], {}, { clock })
    await rig.send({})
    clock.advance(29_000)
    expect(rig.adapter.messages.parallel()).toBe(0)
    clock.advance(1_000)
    await rig.ready()
  })

  it('has a window', async () => {
    const mmsc = await mmscFor('silence')
    const rig = await rigFor([account(mmsc.url, { window: 2 })])
    expect(rig.adapter.messages.parallel()).toBe(2)
    const giveUp = new AbortController()
    const sent = [1, 2, 3].map(() => rig.send({}, {}, giveUp.signal))
    await expect.poll(() => mmsc.heard.length).toBe(2)
    giveUp.abort()
    expect((await sent[2])?.kind).toBe('busy')
    for (const { connection } of mmsc.heard) connection.end(answering(OK))
    expect((await Promise.all(sent)).map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'busy'])
    expect(mmsc.heard).toHaveLength(2)
  })

  it('has a rate', async () => {
    const clock = manualClock(Date.now())
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, { rate: 1 })], {}, { clock })
    expect((await rig.send({})).kind).toBe('accepted')
    const second = rig.send({})
    const giveUp = new AbortController()
    const third = rig.send({}, {}, giveUp.signal)
    await expect.poll(() => clock.pending()).toBeGreaterThan(1)
    expect(mmsc.heard).toHaveLength(1)
    giveUp.abort()
    expect((await third).kind).toBe('busy')
    clock.advance(1_000)
    expect((await second).kind).toBe('accepted')
    expect(mmsc.heard).toHaveLength(2)
  })
})

it('CONV-08 an answer carries the LinkedID of what it answers, and loses it when the MMSC does not know it', async () => {
  const mmsc = await mmscFor()
  const rig = await rigFor([account(mmsc.url)])
  await rig.store.update('linked|tel:+12065550123|tel:+12065550100', 60_000, () => ({
    next: 'LNK-1',
    result: undefined,
  }))
  const unknown = Buffer.from(OK.toString().replace('<StatusCode>1000<', '<StatusCode>2006<'))
  mmsc.act((_, index) => (index === 1 ? unknown : OK))
  await rig.send({ contributionId: 'c1' as ContributionId })
  const refused = await rig.send({})
  if (refused.kind !== 'busy' || !refused.progress) throw new Error(said(refused))
  await rig.send({}, { number: 2, progress: refused.progress })
  const linked = mmsc.heard.map(({ received }) => 'linkedId' in received.message && received.message.linkedId)
  expect(linked).toEqual(['LNK-1', 'LNK-1', false])
})

it.for([
  ['once', ['LNK-1', false]],
  ['never', [false, false]],
] as const)('CONV-08 a LinkedID goes out %s, where the MMSC wants it so', async ([linkedId, expected]) => {
  const mmsc = await mmscFor()
  const rig = await rigFor([account(mmsc.url, { linkedId })])
  await rig.store.update('linked|tel:+12065550123|tel:+12065550100', 60_000, () => ({
    next: 'LNK-1',
    result: undefined,
  }))
  await rig.send({})
  await rig.send({})
  const linked = mmsc.heard.map(({ received }) => 'linkedId' in received.message && received.message.linkedId)
  expect(linked).toEqual(expected)
})

it.for(['at once', 'later'] as const)(
  'what is under way ends as uncertain when the deadline for stopping comes %s',
  async (when) => {
    const mmsc = await mmscFor('silence')
    const rig = await rigFor([account(mmsc.url, { window: 1 })])
    const [first, second] = [rig.send({}), rig.send({})]
    await expect.poll(() => mmsc.heard.length).toBe(1)
    const deadline = new AbortController()
    if (when === 'at once') deadline.abort()
    const stopped = rig.stop(deadline.signal)
    expect((await second).kind).toBe('busy')
    deadline.abort()
    expect((await first).kind).toBe('uncertain')
    await stopped
    expect(rig.adapter.health().state).toBe('stopped')
    expect(mmsc.heard).toHaveLength(1)
  },
)

it('nothing is sent while the store of the adapter is out of reach', async () => {
  const mmsc = await mmscFor()
  const rig = await rigFor([account(mmsc.url)])
  rig.store.setDown(true)
  expect(await rig.send({})).toMatchObject({ kind: 'busy', said: 'the store cannot be reached' })
  expect(mmsc.heard).toHaveLength(0)
})

it('what is taken stays taken when the store goes away meanwhile', async () => {
  const mmsc = await mmscFor()
  const rig = await rigFor([account(mmsc.url)])
  mmsc.act(() => {
    rig.store.setDown(true)
    return OK
  })
  expect(await rig.send({ contributionId: 'c1' as ContributionId })).toMatchObject({ kind: 'accepted' })
})
