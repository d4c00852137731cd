import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { AcceptedMessage, RecallOutcome } from '../../../adapters/contract/index.js'
import { startMmsc } from '../../../adapters/mms-mm7/simulator/index.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { Content } from '../../../gateway/cpm/message.js'
import type { Rig } from '../../contract-kit/rig.js'
import { PICTURE } from '../picture.js'
import { account, answer, bare, closing, mmscFor, rigFor } from './outbound-stage.js'

const never = new AbortController().signal
const TEXT = { type: 'text/plain', text: 'the other text' }

/** A message that the MMSC of account `a` has taken as `id`. */
const taken = (id: string, name = 'a'): AcceptedMessage => ({
  messageId: 'm1' as MessageId,
  from: 'tel:+12065550100' as Uri,
  to: 'tel:+12065550123' as Uri,
  handle: `${name}/${id}`,
  expiresAt: Date.now() + 3_600_000,
})

const cancel = ({ adapter }: Rig, message: AcceptedMessage): Promise<RecallOutcome | undefined> =>
  Promise.resolve(adapter.messages.cancel?.(message, never))
const replace = (
  { adapter }: Rig,
  message: AcceptedMessage,
  content: Content = TEXT,
): Promise<RecallOutcome | undefined> => Promise.resolve(adapter.messages.replace?.(message, content, never))

async function atSimulator() {
  const mmsc = await startMmsc({ keep: 10 })
  closing.push(() => mmsc.stop())
  mmsc.decide(() => ({ answer: 1000, reports: [] }))
  const rig = await rigFor([account(mmsc.url)])
  const outcome = await rig.send({})
  if (outcome.kind !== 'accepted') throw new Error('not taken')
  return { mmsc, rig, message: { ...taken(''), handle: outcome.handle ?? '' } }
}

describe('CancelReq', () => {
  it('goes to the MMSC that took the message, with its name for it', async () => {
    const [first, second] = [await mmscFor(), await mmscFor(answer('cancel-01-ok.rsp.http'))]
    const rig = await rigFor([
      account(first.url),
      account(second.url, { name: 'b', vaspId: 'cw', vasId: 'cpm', user: 'u', password: 'p' }),
    ])
    expect(await cancel(rig, taken('04/11@mmsc', 'b'))).toMatchObject({ kind: 'done', said: 'CancelRsp 1000 Success' })
    expect(first.heard).toEqual([])
    const [heard] = second.heard
    expect(heard?.headers.authorization).toMatch(/^Basic /)
    expect(heard?.received.message).toEqual({
      operation: 'CancelReq',
      senderIdentification: { vaspId: 'cw', vasId: 'cpm' },
      messageId: '04/11@mmsc',
    })
    expect(heard?.received.transactionId).toMatch(/^[A-Za-z0-9-]{1,64}$/)
  })

  it.each([
    ['cancel-02-not-found.rsp.http', 'too-late'],
    ['submit-09-fault-unsupported-op.rsp.http', 'refused'],
    ['submit-09-fault-unavailable.rsp.http', 'unavailable'],
    ['submit-11-http-503.rsp.http', 'unavailable'],
  ])('answered by %s: %s', async (file, kind) => {
    const mmsc = await mmscFor(answer(file))
    expect(await cancel(await rigFor([account(mmsc.url)]), taken('1'))).toMatchObject({ kind })
  })

  it('that nobody answers, or whose account is gone, may be asked again', async () => {
    const mmsc = await mmscFor('cut')
    const rig = await rigFor([account(mmsc.url)])
    expect(await cancel(rig, taken('1'))).toMatchObject({ kind: 'unavailable' })
    const other = await mmscFor(answer('cancel-01-ok.rsp.http'))
    const without = await rigFor([account(other.url)])
    expect(await cancel(without, taken('1', 'gone'))).toMatchObject({ kind: 'unavailable' })
    expect(await replace(without, taken('1', 'gone'))).toMatchObject({ kind: 'unavailable' })
    expect(other.heard).toEqual([])
    const bad = await mmscFor(bare(200))
    expect(await cancel(await rigFor([account(bad.url)]), taken('1'))).toMatchObject({ kind: 'unavailable' })
  })

  it('comes too late for a message whose life is over: the MMSC is not asked', async () => {
    const mmsc = await mmscFor(answer('cancel-01-ok.rsp.http'))
    const old = { ...taken('1'), expiresAt: Date.now() - 1 }
    expect(await cancel(await rigFor([account(mmsc.url)]), old)).toMatchObject({ kind: 'too-late' })
    expect(mmsc.heard).toEqual([])
  })

  it('takes a message from the simulated MMSC, once', async () => {
    const { mmsc, rig, message } = await atSimulator()
    const cancelled = once(mmsc.events, 'cancel')
    expect(await cancel(rig, message)).toMatchObject({ kind: 'done' })
    expect(await cancelled).toEqual([mmsc.submits[0]?.id])
    expect(await cancel(rig, message)).toMatchObject({ kind: 'too-late' })
  })
})

describe('ReplaceReq', () => {
  it('carries the other content, composed as that of a message', async () => {
    const mmsc = await mmscFor(answer('replace-01-ok.rsp.http'))
    const rig = await rigFor([account(mmsc.url, { serviceCode: 'gold', distributionIndicator: true })])
    const picture = { type: 'image/png', base64: PICTURE.toString('base64') }
    expect(await replace(rig, taken('77'))).toMatchObject({ kind: 'done' })
    expect(await replace(rig, taken('77'), picture)).toMatchObject({ kind: 'done' })
    const [text, media] = mmsc.heard.map(({ received }) => received)
    expect(media?.content?.smil).toContain('<img')
    expect(text?.message).toMatchObject({
      operation: 'ReplaceReq',
      messageId: '77',
      serviceCode: 'gold',
      distributionIndicator: true,
      contentClass: 'text',
      timeStamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    })
    expect(Buffer.from(text?.content?.parts[0]?.octets ?? []).toString()).toBe('the other text')
  })

  it('of content that cannot be carried is never sent', async () => {
    const mmsc = await mmscFor(answer('replace-01-ok.rsp.http'))
    const rig = await rigFor([account(mmsc.url)], { leftOut: 'refuse' })
    const video = { type: 'video/quicktime', text: 'x' }
    expect(await replace(rig, taken('77'), video)).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
    expect(mmsc.heard).toEqual([])
  })

  it('changes what handsets of the simulated MMSC get', async () => {
    const { mmsc, rig, message } = await atSimulator()
    const replaced = once(mmsc.events, 'replace')
    expect(await replace(rig, message)).toMatchObject({ kind: 'done' })
    expect((await replaced)[0]).toMatchObject({ text: 'the other text' })
    await cancel(rig, message)
    expect(await replace(rig, message)).toMatchObject({ kind: 'too-late' })
  })
})
