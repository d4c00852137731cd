import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  MAGIC_NUMBERS,
  type Mmsc,
  type MmscOptions,
  mediaOf,
  mmscSimulator,
  startMmsc,
} from '../../../adapters/mms-mm7/simulator/index.js'
import { manualClock } from '../../contract-kit/clock.js'
import { type Answer, startVasp, type Vasp } from './vasp.js'

const VECTORS = join(import.meta.dirname, '../../vectors/mm7')

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function open(settings: MmscOptions = {}): Promise<{ mmsc: Mmsc; vasp: Vasp }> {
  const vasp = await startVasp()
  closing.push(() => vasp.close())
  const mmsc = await startMmsc({ vasp: vasp.url, retryMs: 5, ...settings })
  closing.push(() => mmsc.stop())
  return { mmsc, vasp }
}

/** What the VASP is told next: operation, MMStatus, message id. */
async function told(vasp: Vasp): Promise<readonly [string, string, string]> {
  const { message } = await vasp.taken.next('a report', ({ message: { operation } }) => operation !== 'DeliverReq')
  if (message.operation !== 'DeliveryReportReq' && message.operation !== 'ReadReplyReq')
    throw new Error(message.operation)
  return [message.operation, message.mmStatus ?? '', message.messageId]
}

/** Posts a request written by hand; resolves with the answer. */
async function byHand(url: string, name: string, change = (text: string): string => text): Promise<string> {
  const whole = readFileSync(join(VECTORS, `${name}.req.http`))
  const end = whole.indexOf('\r\n\r\n')
  const type = /^content-type: (.*)$/im.exec(whole.toString('latin1', 0, end))?.[1]?.trim() ?? ''
  const body = new Uint8Array(Buffer.from(change(whole.toString('latin1', end + 4)), 'latin1'))
  return (await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })).text()
}

const png = {
  type: 'image/png; name=dot.png',
  name: 'dot.png',
  octets: Buffer.from('89504e470d0a1a0a0d0a0d0a2d2d00ff', 'hex'),
}
const outcome = (answer: Answer | 'none'): string =>
  answer === 'none' ? 'none' : (answer.status ?? `http ${answer.http}`).toString()

describe('magic numbers of the simulated MMSC', () => {
  it.each([
    ['01', '3001', []],
    ['02', '4006', []],
    ['03', '2003', []],
    ['04', 'none', ['Retrieved', 'Read']],
    ['05', '1000', ['Retrieved', 'Read']],
    ['06', '1000', ['Rejected']],
    ['07', '1000', ['Expired']],
    ['08', '1000', []],
    ['09', '1000', ['Retrieved', 'Retrieved']],
    ['10', '1000', ['Unrecognised']],
    ['11', '2001', []],
    ['12', 'http 503', []],
    ['13', '3001', []],
    ['14', 'none', []],
    ['15', '1000', ['Deferred', 'Retrieved', 'Read']],
    ['16', '1000', ['Retrieved', 'Expired']],
    ['17', '2004', []],
    ['18', '1000', ['Read', 'Retrieved']],
    ['19', '1000', ['Retrieved', 'Deleted']],
    ['20', 'http 200', ['Retrieved', 'Read']],
    ['21', 'none', ['Retrieved', 'Read']],
    ['22', '4007', []],
  ])('+999…%s is answered with %s', async (ending, answered, reports) => {
    expect(MAGIC_NUMBERS[ending]?.says).toBeDefined()
    const { mmsc, vasp } = await open()
    const giveUp = new AbortController()
    const answer = vasp
      .submit(mmsc.url, { to: [`+9990000${ending}`] }, { signal: giveUp.signal })
      .catch((): 'none' => 'none')
    for (const status of reports) expect((await told(vasp))[1]).toBe(status)
    if (MAGIC_NUMBERS[ending]?.fate.answer === 'silence') giveUp.abort()
    expect(outcome(await answer)).toBe(answered)
    expect(mmsc.submits[0]?.taken).toBe(reports.length > 0 || ending === '08')
  })

  it.each(['13', '14'])('%s is taken the second time', async (ending) => {
    const { mmsc, vasp } = await open()
    const send = () => vasp.submit(mmsc.url, { to: [`+9990000${ending}`] })
    await send().catch(() => undefined)
    expect((await send()).status).toBe(1000)
  })

  it('the table has no ending that is not tried here', () => {
    expect(Object.keys(MAGIC_NUMBERS)).toHaveLength(22)
  })
})

describe('what the simulated MMSC reads', () => {
  it.each([
    ['submit-01-text', 'Hello from CPM — ok?', []],
    ['submit-02-smil-image', 'Look: Grüße ☀', ['image/png']],
    ['submit-06-binary', undefined, undefined],
  ])('a message written by hand: %s', async (name, text, media) => {
    const { mmsc } = await open()
    expect(await byHand(mmsc.url, name)).toMatch(/StatusCode>1000</)
    const [submitted] = mmsc.submits
    expect(submitted).toMatchObject({ from: '+12065550100', vaspId: 'causeway' })
    if (text !== undefined) expect(submitted?.text).toBe(text)
    if (media) expect(mediaOf(submitted?.parts ?? []).map(({ type: found }) => found.split(';')[0])).toEqual(media)
    for (const part of mediaOf(submitted?.parts ?? []))
      expect(part.octets.subarray(0, 4)).toEqual(Buffer.from('\x89PNG', 'latin1'))
  })

  it('parts come out octet for octet', async () => {
    const { mmsc, vasp } = await open()
    const text = { type: 'text/plain; charset=utf-8', octets: Buffer.from('a\r\n--b\r\nGrüße 👋') }
    await vasp.submit(mmsc.url, { subject: 'A <b> & "c"', content: { parts: [png, text] } }, { prefix: 'mm7' })
    const [submitted] = mmsc.submits
    expect(submitted).toMatchObject({ subject: 'A <b> & "c"', text: 'a\r\n--b\r\nGrüße 👋', deliveryReport: true })
    expect(Buffer.from(mediaOf(submitted?.parts ?? [])[0]?.octets ?? [])).toEqual(png.octets)
  })

  it('what no handset has fetched can be taken back or replaced, and nothing else asked', async () => {
    const { mmsc, vasp } = await open()
    mmsc.decide(() => ({ answer: 1000, reports: [] }))
    const { messageId = '' } = await vasp.submit(mmsc.url, {})
    const about = (text: string): string => text.replace(/MessageID>[^<]*</, `MessageID>${messageId}<`)
    expect(await byHand(mmsc.url, 'cancel-01')).toMatch(/CancelRsp.*StatusCode>2005</)
    expect(await byHand(mmsc.url, 'replace-01', about)).toMatch(/ReplaceRsp.*StatusCode>1000</)
    expect(await byHand(mmsc.url, 'cancel-01', about)).toMatch(/CancelRsp.*StatusCode>1000</)
    expect(await byHand(mmsc.url, 'replace-01', about)).toMatch(/ReplaceRsp.*StatusCode>2005</)
    expect(await byHand(mmsc.url, 'extended-cancel-01')).toMatch(/Fault.*StatusCode>4003</)
  })

  it('what is no MM7 gets a fault, another path 404, another method 405', async () => {
    const { mmsc } = await open()
    const post = (url: string, init: RequestInit = {}) => fetch(url, { method: 'POST', body: 'no xml', ...init })
    const answer = await post(mmsc.url)
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringMatching(/Fault>.*StatusCode>2007</s)])
    expect((await post(`${mmsc.url}/other`)).status).toBe(404)
    expect((await fetch(mmsc.url)).status).toBe(405)
  })

  it('credentials and VASPID are looked at', async () => {
    const { mmsc, vasp } = await open({ user: 'causeway', password: 'secret' })
    expect((await vasp.submit(mmsc.url, {})).http).toBe(401)
    expect((await vasp.submit(mmsc.url, {}, { credentials: 'causeway:wrong' })).http).toBe(401)
    expect((await vasp.submit(mmsc.url, {}, { credentials: 'causeway:secret' })).status).toBe(1000)
    const other = await open({ vaspId: 'somebody' })
    expect((await other.vasp.submit(other.mmsc.url, {})).status).toBe(4001)
  })

  it('limits: rate, recipients, octets, and a connection that breaks every so often', async () => {
    const { mmsc, vasp } = await open({ throttleAbove: 2, maxRecipients: 2, maxBytes: 1_000 })
    const many = { to: ['+12065550001', '+12065550002', '+12065550003'] }
    const large = { content: { parts: [{ type: 'image/png', octets: Buffer.alloc(1_001) }] } }
    expect((await vasp.submit(mmsc.url, many)).status).toBe(3003)
    expect((await vasp.submit(mmsc.url, large)).status).toBe(2004)
    const burst = await Promise.all(Array.from({ length: 8 }, () => vasp.submit(mmsc.url, {})))
    expect(burst.map(({ status }) => status)).toContain(3510)
    const cutting = await open({ cutAfter: 2 })
    expect((await cutting.vasp.submit(cutting.mmsc.url, {})).status).toBe(1000)
    await expect(cutting.vasp.submit(cutting.mmsc.url, {})).rejects.toThrow()
    expect(cutting.mmsc.submits.map(({ taken }) => taken)).toEqual([true, false])
  })
})

describe('what the simulated MMSC sends', () => {
  it.each([
    ['digits', /^\d+$/],
    ['brackets', /^<\d+>$/],
    ['host', /^\d+@mmsc/],
  ] as const)('reports name the message: %s', async (idForm, form) => {
    const { mmsc, vasp } = await open({ idForm, prefix: 'mm7:' })
    const { messageId = '' } = await vasp.submit(mmsc.url, {})
    const [operation, status, id] = await told(vasp)
    expect([operation, status]).toEqual(['DeliveryReportReq', 'Retrieved'])
    expect(id).toMatch(form)
    expect(id).toContain(messageId)
    expect((await told(vasp))[0]).toBe('ReadReplyReq')
  })

  it('each recipient has reports of his own, and nobody has any who did not ask', async () => {
    const { mmsc, vasp } = await open()
    await vasp.submit(mmsc.url, { to: ['+12065550001', '+99900006'] })
    const all = [await told(vasp), await told(vasp), await told(vasp)].map(([, status]) => status)
    expect(all.sort()).toEqual(['Read', 'Rejected', 'Retrieved'])
    await vasp.submit(mmsc.url, { reports: false })
    expect(mmsc.counts.reports).toBe(3)
  })

  it('reports come late, twice, or never', async () => {
    const clock = manualClock()
    const vasp = await startVasp()
    closing.push(() => vasp.close())
    const mmsc = await startMmsc({ vasp: vasp.url, reportDelayMs: 1_000, reportTwice: 1 }, clock)
    closing.push(() => mmsc.stop())
    await vasp.submit(mmsc.url, { to: ['+99900007'] })
    expect(mmsc.counts.reports).toBe(0)
    clock.advance(1_000)
    expect([(await told(vasp))[1], (await told(vasp))[1]]).toEqual(['Expired', 'Expired'])
    mmsc.change({ reportLoss: 1 })
    await vasp.submit(mmsc.url, {})
    clock.advance(1_000)
    expect(mmsc.counts.reports).toBe(2)
  })

  it('a message of a handset, with credentials, offered until it is taken', async () => {
    const { mmsc, vasp } = await open({ vaspUser: 'mmsc', vaspPassword: 'pw', vaspId: 'causeway' })
    vasp.answers.push(3000, 4006)
    const message = { from: '+12065550123', to: '+12065550100', subject: 'Ümlaut', text: 'look', linkedId: 'L-1' }
    expect(await mmsc.deliver({ ...message, parts: [png] })).toBe(1000)
    expect(vasp.answers).toEqual([])
    const got = await vasp.taken.next('the message', () => true)
    expect(got.authorization).toBe(`Basic ${btoa('mmsc:pw')}`)
    expect(got.message).toMatchObject({
      operation: 'DeliverReq',
      subject: 'Ümlaut',
      linkedId: 'L-1',
      vaspId: 'causeway',
    })
    expect(got.content?.parts.map(({ type }) => type.split(';')[0])).toEqual(['image/png', 'text/plain'])
    expect(Buffer.from(got.content?.parts[0]?.octets ?? [])).toEqual(png.octets)
    vasp.answers.push(2003)
    expect(await mmsc.deliver(message)).toBe(2003)
  })

  it('what the VASP has taken comes once more in the same transaction, where that is wanted', async () => {
    const { mmsc, vasp } = await open({ deliverTwice: 1 })
    await mmsc.deliver({ from: '+12065550123', to: '+12065550100', text: 'twice' })
    const [first, second] = vasp.taken.items
    expect(first?.transactionId).toBeDefined()
    expect(second?.transactionId).toBe(first?.transactionId)
  })

  it('what the VASP does not answer in time comes again', async () => {
    const { mmsc, vasp } = await open({ timeoutMs: 30 })
    vasp.answers.push(0)
    expect(await mmsc.deliver({ from: '+12065550123', to: '+12065550100', text: 'again' })).toBe(1000)
  })

  it('without a VASP it waits, and is offered when there is one; handsets write back what they got', async () => {
    const vasp = await startVasp()
    closing.push(() => vasp.close())
    const mmsc = await startMmsc({ reply: 'got: $text' })
    closing.push(() => mmsc.stop())
    const text = { type: 'text/plain; charset=utf-8', octets: Buffer.from('hi') }
    await vasp.submit(mmsc.url, { reports: false, subject: 'S', content: { parts: [png, text] } })
    expect(mmsc.waiting()).toBe(1)
    mmsc.change({ vasp: vasp.url })
    const { message, content } = await vasp.taken.next('the reply', () => true)
    expect(message).toMatchObject({ operation: 'DeliverReq', subject: 'Re: S', sender: { value: '+12065550123' } })
    expect(Buffer.from(content?.parts[0]?.octets ?? [])).toEqual(png.octets)
    expect(Buffer.from(content?.parts[1]?.octets ?? []).toString()).toBe('got: hi')
  })

  it('on the command line every option has words', () => {
    expect(mmscSimulator.summary).toContain('MM7')
    expect(mmscSimulator.options.safeParse({ port: '0', reply: 'x' }).success).toBe(true)
    expect(mmscSimulator.options.safeParse({ prt: '0' }).success).toBe(false)
  })
})
