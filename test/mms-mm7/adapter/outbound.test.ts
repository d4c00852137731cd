import { describe, expect, it } from 'vitest'
import { mediaTypeOf } from '../../../adapters/mms-mm7/wire/index.js'
import type { ContributionId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { PICTURE } from '../picture.js'
import { account, mmscFor, OK, rigFor, said } from './outbound-stage.js'

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

  it('says when it is to arrive, where the MMSC keeps it until then', async () => {
    const mmsc = await mmscFor()
    const deliverAt = Date.now() + 3_600_000
    const rig = await rigFor([account(mmsc.url)])
    expect(rig.adapter.capabilities.laterDelivery).toBe(true)
    await rig.send({ deliverAt, expiresAt: deliverAt + 1000 })
    await rig.send({ deliverAt: Date.now() - 1 })
    const [later, now] = mmsc.heard.map(({ received }) => received.message)
    expect(later).toMatchObject({ earliestDeliveryTime: `${new Date(deliverAt).toISOString().slice(0, 19)}Z` })
    expect(now).not.toHaveProperty('earliestDeliveryTime')
    const others = [{ release: 'REL-5-MM7-1-2' }, { earliestDelivery: false }]
    for (const other of others) {
      const { adapter } = await rigFor([account(mmsc.url), account(mmsc.url, { name: 'b', ...other })])
      expect(adapter.capabilities.laterDelivery).toBe(false)
    }
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

describe('what cannot be carried', () => {
  const ADDRESS = 'https://m.example/c/123456789012345678901234'
  const movie = { type: 'video/quicktime', base64: Buffer.from('movie').toString('base64') }
  const offers = (address: string | undefined) => ({
    offers: { links: { maxBytes: 1_000, length: ADDRESS.length, keep: async () => address } },
  })

  it('goes as a link to the store, alone or beside what is carried', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)], { leftOut: 'link' }, offers(ADDRESS))
    expect(rig.adapter.messages.refuses({ content: movie })).toBeUndefined()
    await rig.send({ content: movie })
    const mixed = [
      '--b\r\nContent-Type: text/plain\r\n\r\nLook',
      '--b\r\nContent-Type: video/quicktime; name="a.mov"\r\n\r\nmovie',
      '--b--',
    ].join('\r\n')
    await rig.send({ content: { type: 'multipart/mixed; boundary=b', text: mixed } })
    const texts = mmsc.heard.map(({ received }) => Buffer.from(received.content?.parts[0]?.octets ?? []).toString())
    expect(texts).toEqual([`video/quicktime: ${ADDRESS}`, `Look\na.mov: ${ADDRESS}`])
  })

  it('is put there only where that is wanted', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)], {}, offers(ADDRESS))
    const text =
      '--b\r\nContent-Type: text/plain\r\n\r\nLook\r\n--b\r\nContent-Type: video/quicktime\r\n\r\nmovie\r\n--b--'
    await rig.send({ content: { type: 'multipart/mixed; boundary=b', text } })
    const parts = mmsc.heard.flatMap(({ received }) => received.content?.parts ?? [])
    const said = parts.map(({ octets }) => Buffer.from(octets).toString()).join()
    expect(said).toContain('Look')
    expect(said).not.toContain(ADDRESS)
  })

  it('is named when the store has no room, and refused when nothing else is there', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url)], { leftOut: 'link' }, offers(undefined))
    expect(await rig.send({ content: movie })).toMatchObject({ kind: 'refused', final: 'here' })
    const without = await rigFor([account(mmsc.url)], { leftOut: 'link' })
    expect(without.adapter.messages.refuses({ content: movie })).toBe('content-unsupported')
  })
})
