import { describe, expect, it } from 'vitest'
import type { OutboundMessage, SendOutcome } from '../../../adapters/contract/index.js'
import { startMmsc } from '../../../adapters/mms-mm7/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { Rig } from '../../contract-kit/rig.js'
import type { ScriptedMmsc } from '../scripted-mmsc.js'
import { account, answer, closing, mmscFor, OK, rigFor } from './outbound-stage.js'

const RECIPIENTS = ['tel:+12065550121', 'tel:+12065550122', 'tel:+12065550123'] as Uri[]
const together = (recipients: number, wait = '20ms') => ({ together: { recipients, wait } })

const toAll = (rig: Rig, more: Partial<OutboundMessage> = {}): Promise<SendOutcome[]> => {
  const expiresAt = Date.now() + 3_600_000
  return Promise.all(RECIPIENTS.map((to) => rig.send({ to, expiresAt, ...more })))
}

/** Recipients of each request. */
const heard = ({ heard: requests }: ScriptedMmsc): string[][] =>
  requests.map(({ received: { message } }) =>
    'recipients' in message ? (message.recipients?.to ?? []).map(({ value }) => value) : [],
  )

const NUMBERS = RECIPIENTS.map((uri) => uri.slice('tel:'.length))

describe('a message to several recipients', () => {
  it('goes to each by itself unless the account says otherwise', async () => {
    const mmsc = await mmscFor()
    await toAll(await rigFor([account(mmsc.url)]))
    expect(heard(mmsc)).toHaveLength(3)
  })

  it('goes as one request, and each keeps an outcome of his own', async () => {
    const mmsc = await mmscFor()
    const outcomes = await toAll(await rigFor([account(mmsc.url, together(10))]))
    expect(heard(mmsc)).toEqual([NUMBERS])
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome).toMatchObject({ kind: 'accepted', said: expect.stringContaining('with others') })
      const keys = outcome.kind === 'accepted' ? outcome.parts.flatMap((part) => part.keys) : []
      expect(keys.length).toBeGreaterThan(0)
      expect(keys.every((key) => key.startsWith(`${RECIPIENTS[index]}/`))).toBe(true)
    }
  })

  it('goes at once when there are as many as one request may have', async () => {
    const mmsc = await mmscFor()
    await toAll(await rigFor([account(mmsc.url, together(3, '1h'))]))
    expect(heard(mmsc)).toEqual([NUMBERS])
  })

  it('is one only when all but the recipient is the same', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, together(10))])
    const [one, two, three] = RECIPIENTS
    const [inAnHour, inTwo] = [Date.now() + 3_600_000, Date.now() + 7_200_000]
    const differing: Partial<OutboundMessage>[] = [
      { to: one },
      { to: two, subject: 'x' },
      { to: two, priority: 'urgent' },
      { to: two, deliverAt: inAnHour, expiresAt: inTwo },
      { to: three, expiresAt: inTwo },
      { to: two, content: { type: 'text/plain', text: 'other' } },
      { to: two, from: 'tel:+12065550199' as Uri },
      { to: two, reports: { delivered: false, failed: false, displayed: false } },
      { to: one },
    ]
    await Promise.all(differing.map((more) => rig.send(more)))
    expect(heard(mmsc).map(({ length }) => length)).toEqual(differing.map(() => 1))
  })

  it('is one for each MMSC', async () => {
    const mmscs = [await mmscFor(), await mmscFor()]
    const profile = together(10)
    const rig = await rigFor(mmscs.map(({ url }, index) => account(url, { name: `a${index}`, ...profile })))
    await rig.gateway.until(() => rig.adapter.health().links.every(({ state }) => state === 'up') || undefined)
    const numbers = Array.from({ length: 9 }, (_, index) => `+1206555012${index}`)
    const expiresAt = Date.now() + 3_600_000
    const ways = await Promise.all(
      numbers.map(async (number) => {
        const outcome = await rig.send({ to: `tel:${number}` as Uri, expiresAt })
        return outcome.kind === 'accepted' ? outcome.handle?.slice(0, 2) : outcome.kind
      }),
    )
    const goneBy = (name: string) => numbers.filter((_, index) => ways[index] === name)
    expect(mmscs.map(heard)).toEqual([[goneBy('a0')], [goneBy('a1')]])
    expect(goneBy('a0').length % 9).not.toBe(0)
  })

  it.each([
    ['submit-10-status-address-error.rsp.http', 'refused'],
    ['submit-10-status-rejected.rsp.http', 'refused'],
    ['submit-10-status-multi-address.rsp.http', 'accepted'],
  ])('that is answered %s is asked for one by one: no one fails for another', async (file, kind) => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, together(3, '1h'))])
    mmsc.act(({ received: { message } }) => {
      const to = 'recipients' in message ? (message.recipients?.to ?? []) : []
      const [first] = to
      return to.length > 1 || (kind === 'refused' && first?.value === NUMBERS[1]) ? answer(file) : OK
    })
    const first = await toAll(rig)
    const again = first.map((outcome, index) => {
      if (outcome.kind !== 'busy' || !outcome.progress) throw new Error(outcome.kind)
      expect(outcome).toMatchObject({ retryAfterMs: 0, progress: { note: 'alone' } })
      return rig.send({ to: RECIPIENTS[index] as Uri }, { number: 2, progress: outcome.progress })
    })
    expect((await Promise.all(again)).map((outcome) => outcome.kind)).toEqual(['accepted', kind, 'accepted'])
    expect(heard(mmsc)).toEqual([NUMBERS, ...NUMBERS.map((number) => [number])])
  })

  it('with partial success is accepted for all: reports tell of each', async () => {
    const mmsc = await mmscFor(answer('submit-04-partial-success.rsp.http'))
    const outcomes = await toAll(await rigFor([account(mmsc.url, together(3, '1h'))]))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted'])
  })

  it('whose answer is lost is uncertain for each, and the same request when it is repeated', async () => {
    const mmsc = await mmscFor('cut')
    const rig = await rigFor([account(mmsc.url, together(3, '1h'))])
    const ids = RECIPIENTS.map((to) => ({ to, messageId: `m ${to}` as never }))
    const send = (number: number) =>
      Promise.all(ids.map((one) => rig.send(one, { number, possibleDuplicate: number > 1 })))
    expect((await send(1)).map(({ kind }) => kind)).toEqual(['uncertain', 'uncertain', 'uncertain'])
    mmsc.act(() => OK)
    await rig.ready()
    ids.reverse()
    await send(2)
    const [first, second] = mmsc.heard.map(({ received }) => received.transactionId)
    expect(second).toBe(first)
  })

  it('is taken back for one of them alone, and never replaced', async () => {
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, together(3, '1h'))])
    const [, outcome] = await toAll(rig)
    const handle = outcome?.kind === 'accepted' ? (outcome.handle ?? '') : ''
    const [from, to] = ['tel:+12065550100' as Uri, RECIPIENTS[1] as Uri]
    const message = { messageId: 'm' as never, from, to, handle, expiresAt: Date.now() + 1_000 }
    const never = new AbortController().signal
    mmsc.act(() => answer('cancel-01-ok.rsp.http'))
    expect(await rig.adapter.messages.cancel?.(message, never)).toMatchObject({ kind: 'done' })
    expect(mmsc.heard.at(-1)?.received.message).toMatchObject({
      operation: 'CancelReq',
      recipients: { to: [{ value: NUMBERS[1] }] },
    })
    const replaced = rig.adapter.messages.replace?.(message, { type: 'text/plain', text: 'x' }, never)
    expect(await replaced).toMatchObject({ kind: 'refused' })
  })

  it('IWF-REP-02 brings the report of each from the simulated MMSC', async () => {
    const mmsc = await startMmsc({})
    closing.push(() => mmsc.stop())
    const inbound = { listen: '127.0.0.1:0' }
    const rig = await rigFor([account(mmsc.url, together(3, '1h'))], { inbound })
    const port = /port (\d+)/.exec(rig.adapter.health().detail)?.[1]
    mmsc.change({ vasp: `http://127.0.0.1:${port}/mm7` })
    await toAll(rig)
    await rig.gateway.until(() => (rig.gateway.reports.length >= 3 ? true : undefined))
    expect(mmsc.submits).toHaveLength(1)
    const told = rig.gateway.reports.map(({ keys }) => RECIPIENTS.find((to) => keys[0]?.startsWith(`${to}/`)))
    expect(told.sort()).toEqual([...RECIPIENTS].sort())
  })
})
