import { expect, test } from 'vitest'
import type { ServiceId } from '../../gateway/cpm/ids.js'
import { createOutbound, type OutboundOptions } from '../../gateway/interworking/outbound.js'
import { createPendingAnswers } from '../../gateway/interworking/pending-answers.js'
import type { Recorder } from '../../gateway/interworking/recorder.js'
import type { OutboundWork } from '../../gateway/interworking/work.js'
import type { Spool, Taken, TakeOptions, Verdict } from '../../gateway/spool/spool.js'
import { outboundItem, policies, service, servicesOf } from './support.js'

interface Lane {
  readonly options: TakeOptions
  handle(taken: Taken<OutboundWork>): Promise<Verdict<OutboundWork>>
}

/** A spool that holds these lanes and remembers who takes from them. */
function spoolWith(names: readonly string[]) {
  const taken = new Map<string, Lane>()
  const state = { queued: 1, underWay: 0, waiting: 0, oldestMs: 0 }
  const spool = {
    lanes: async () => names.map((lane) => ({ lane, ...state })),
    take(lane: string, options: TakeOptions, handle: Lane['handle']) {
      taken.set(lane, { options, handle })
      return { wake() {}, stop: async () => {} }
    },
  }
  return { spool: spool as unknown as Spool, taken }
}

test('IW-09 FN-08 what waits for a service that is not configured here is ended when it expires, and told', async () => {
  const clock = { now: () => 1_000, after: () => () => {} }
  const { spool, taken } = spoolWith(['in', 'out.gone', 'out.sms', 'reports'])
  const recorder: Pick<Recorder, 'concluded'> = { concluded: () => {} }
  const options = { spool, services: servicesOf(service('sms')), policies, pending: createPendingAnswers(clock), clock }
  await createOutbound({ ...options, recorder: recorder as OutboundOptions['recorder'] }).start()
  expect([...taken.keys()].sort()).toEqual(['out.gone', 'out.sms'])
  const gone = taken.get('out.gone')
  expect(gone?.options.parallel()).toBe(0)
  const item = outboundItem({}, ['gone' as ServiceId])
  expect(await gone?.handle({ item, recovered: false, expired: true })).toMatchObject({
    kind: 'done',
    puts: [{ lane: 'notify', payload: { notification: { disposition: { status: 'failed' } } } }],
  })
})
