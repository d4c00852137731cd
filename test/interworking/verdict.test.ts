import { describe, expect, test } from 'vitest'
import type { SendOutcome } from '../../adapters/contract/index.js'
import type { ServiceMessageId } from '../../gateway/cpm/ids.js'
import type { DispositionRequest } from '../../gateway/cpm/message.js'
import { backoffMs } from '../../gateway/interworking/retry.js'
import { decide, failed } from '../../gateway/interworking/verdict.js'
import { message, outboundItem, policies } from './support.js'

const NOW = 20_000
const part = (id: string) => ({ id: id as ServiceMessageId, keys: [id] })
const accepted: SendOutcome = { kind: 'accepted', parts: [part('A1')], reportExpected: true, said: 'taken' }
const asking = (...dispositions: DispositionRequest[]) =>
  outboundItem({ payload: { ...outboundItem().payload, message: message({ dispositions }) } })
const statuses = (puts: readonly { payload: unknown }[] | undefined) =>
  (puts ?? []).map(
    ({ payload }) => (payload as { notification: { disposition: { status: string } } }).notification.disposition.status,
  )

describe('what becomes of a message after an attempt', () => {
  test('IMDN-15 acceptance by the service is no delivery: the record waits for the report', () => {
    const { verdict } = decide(outboundItem(), accepted, policies, NOW, 0.5)
    expect(verdict).toMatchObject({
      kind: 'sent',
      puts: [],
      record: { scope: 'sms', parts: [{ id: 'A1' }], wants: ['delivered', 'failed', 'error'], reportLane: 'reports' },
    })
    expect(verdict.kind === 'sent' && verdict.record.lifeMs).toBe(1_000_000 - NOW + policies.receiptWait)
  })

  test.each<[DispositionRequest[], string[]]>([
    [['positive-delivery'], ['delivered']],
    [['negative-delivery'], ['failed', 'error']],
    [['display'], ['displayed']],
    [['processing'], ['interim']],
  ])('IMDN-07 of a sender who asks for %s only those reports are awaited', (asked, wants) => {
    const { verdict } = decide(asking(...asked), accepted, policies, NOW, 0.5)
    expect(verdict).toMatchObject({ kind: 'sent', record: { wants } })
  })

  test('IMDN-01 FLOW-25c without a request nothing is awaited and nothing is told', () => {
    const { verdict, ending } = decide(asking(), accepted, policies, NOW, 0.5)
    expect(verdict).toEqual({ kind: 'done', puts: [] })
    expect(ending).toEqual({ kind: 'accepted', awaitsReport: false, parts: 1 })
    expect(failed(asking(), 'unknown-recipient', '', NOW).verdict).toEqual({ kind: 'done', puts: [] })
  })

  test('a sender who asked to hear of interworking is told legacy-sms at once', () => {
    const { verdict } = decide(asking('interworking'), accepted, policies, NOW, 0.5)
    expect(statuses(verdict.kind === 'done' ? verdict.puts : [])).toEqual(['legacy-sms'])
  })

  test('IMDN-11 IW-09 a final refusal becomes a failed notification', () => {
    const refusal: SendOutcome = { kind: 'refused', final: 'everywhere', reason: 'unknown-recipient', said: '0x0B' }
    const { verdict, ending } = decide(outboundItem(), refusal, policies, NOW, 0.5)
    expect(ending).toEqual({ kind: 'failed', reason: 'unknown-recipient', said: '0x0B' })
    expect(statuses(verdict.kind === 'done' ? verdict.puts : [])).toEqual(['failed'])
  })

  test('IW-08 a refusal by this service leads to the next one when policy allows', () => {
    const refusal: SendOutcome = { kind: 'refused', final: 'here', reason: 'sender-not-allowed', said: '0x0A' }
    const item = outboundItem({}, ['sms', 'mms'])
    const { verdict } = decide(item, refusal, policies, NOW, 0.5)
    expect(verdict).toMatchObject({
      kind: 'done',
      puts: [{ id: `${item.id}#1`, lane: 'out.mms', attempts: 0, payload: { index: 1 } }],
    })
    const off = decide(item, refusal, { ...policies, nextService: false }, NOW, 0.5)
    expect(off.ending).toMatchObject({ kind: 'failed', reason: 'sender-not-allowed' })
  })

  test('IW-09 after the last candidate the failure goes to the originator', () => {
    const refusal: SendOutcome = { kind: 'refused', final: 'here', reason: 'sender-not-allowed', said: '0x0A' }
    const item = outboundItem({ payload: { ...outboundItem({}, ['sms', 'mms']).payload, index: 1 } })
    expect(decide(item, refusal, policies, NOW, 0.5).ending).toMatchObject({ kind: 'failed' })
  })

  test('busy puts the message off, with what is already there', () => {
    const busy: SendOutcome = {
      kind: 'busy',
      retryAfterMs: 60_000,
      scope: 'message',
      reason: 'throttled',
      said: '0x58',
      progress: { parts: [part('A1')] },
    }
    expect(decide(outboundItem(), busy, policies, NOW, 0.5).verdict).toMatchObject({
      kind: 'later',
      delayMs: 60_000,
      payload: { progress: { parts: [{ id: 'A1' }] } },
    })
  })

  test('busy beyond the end of its life fails at once', () => {
    const busy: SendOutcome = { kind: 'busy', retryAfterMs: 2_000_000, scope: 'message', reason: 'busy', said: '' }
    expect(decide(outboundItem(), busy, policies, NOW, 0.5).ending).toMatchObject({ kind: 'failed', reason: 'busy' })
  })

  test('a limited number of tries ends as a refusal here', () => {
    const busy: SendOutcome = {
      kind: 'busy',
      retryAfterMs: 1,
      scope: 'message',
      reason: 'service-unavailable',
      said: '0x45',
      maxAttempts: 3,
    }
    const tried = (tries: number) => outboundItem({ attempts: 9, payload: { ...outboundItem().payload, tries } })
    expect(decide(tried(1), busy, policies, NOW, 0.5).verdict).toMatchObject({ kind: 'later', payload: { tries: 2 } })
    expect(decide(tried(2), busy, policies, NOW, 0.5).ending.kind).toBe('failed')
  })

  test('a lost answer waits for the late truth before anything else is done', () => {
    const lost: SendOutcome = { kind: 'uncertain', reason: 'timeout', said: 'no answer in 60 s' }
    expect(decide(outboundItem(), lost, policies, NOW, 0.5).verdict).toMatchObject({
      kind: 'later',
      delayMs: policies.uncertainWait,
      payload: { uncertain: true },
    })
  })

  test('the next service after a negative report keeps the message until then', () => {
    const item = outboundItem({}, ['sms', 'mms'])
    const { verdict } = decide(item, accepted, { ...policies, nextServiceAfterReport: true }, NOW, 0.5)
    expect(verdict).toMatchObject({ kind: 'sent', record: { context: { next: { index: 0, candidates: [{}, {}] } } } })
  })
})

test('waits grow by the factor, up to the longest, within a fifth', () => {
  const retry = { first: 1_000, factor: 3, max: 20_000 }
  expect([1, 2, 3, 4, 5].map((n) => backoffMs(retry, n, 0.5))).toEqual([1_000, 3_000, 9_000, 20_000, 20_000])
  expect(backoffMs(retry, 1, 0)).toBe(800)
  expect(backoffMs(retry, 1, 1)).toBe(1_200)
})
