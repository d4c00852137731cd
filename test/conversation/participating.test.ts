import { describe, expect, test } from 'vitest'
import type { DeliveryOutcome } from '../../gateway/conversation/delivery.js'
import { createParticipating } from '../../gateway/conversation/participating.js'
import { createConversationRecorder } from '../../gateway/conversation/recorder.js'
import type { UserDirectory } from '../../gateway/core/port.js'
import type { ServiceId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../gateway/cpm/message.js'
import type { CheckpointNote } from '../../gateway/observe/checkpoint.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import type { CpmRequest } from '../../gateway/sip/port.js'
import { ALICE, HANDSET, message } from '../interworking/support.js'

const BOB = 'sip:bob@cpm.example' as Uri
const directory: UserDirectory = {
  find: (address) => (address === BOB ? { uri: BOB, addresses: [BOB], password: '' } : undefined),
  all: () => [],
}

function play(outcome: DeliveryOutcome = { kind: 'delivered', said: '200 OK' }) {
  const [interworked, delivered, notes]: [CpmMessage[], Uri[], CheckpointNote[]] = [[], [], []]
  const metrics = createMetrics()
  const trace = {
    note: (_: string, note: CheckpointNote) => void notes.push(note),
    read: async () => [],
    stop: async () => {},
  }
  const handle = createParticipating({
    directory,
    interworking: {
      accept: async (_, taken) => {
        interworked.push(taken)
        return { status: 202 }
      },
    },
    deliver: async ({ user }) => {
      delivered.push(user)
      return outcome
    },
    recorder: createConversationRecorder(metrics, { ...trace, follow: async function* () {} }),
    forwardNotification: async () => false,
  })
  const send = (target: Uri, over: Partial<CpmMessage> = {}, given: CpmRequest['function'] = 'orig') =>
    handle({
      function: given,
      originator: { uri: ALICE, addresses: [ALICE] },
      target,
      content: { kind: 'message', message: message({ to: target, ...over }) },
      maxForwards: 69,
      routes: [],
      said: 'MESSAGE',
    })
  return { send, interworked, delivered, notes, metrics }
}

describe('the participating function', () => {
  test('FLOW-25a what is for a user of this core stays within CPM, and is counted and traced', async () => {
    const { send, interworked, delivered, notes, metrics } = play()
    expect(await send(BOB)).toEqual({ status: 200 })
    expect([interworked, delivered]).toEqual([[], [BOB]])
    expect(notes.map(({ what }) => what)).toEqual(['received', 'attempted', 'ended'])
    expect(await metrics.registry.getSingleMetricAsString('causeway_messages_ended_total')).toContain(
      'direction="within",service="cpm",outcome="delivered"',
    )
  })

  test('FLOW-25a anybody else is somebody outside', async () => {
    const { send, interworked, delivered } = play()
    expect(await send(HANDSET)).toEqual({ status: 202 })
    expect([interworked.length, delivered]).toEqual([1, []])
  })

  test('IW-39 a reply that names a service goes to the ISF even if the address is one of ours', async () => {
    const { send, interworked } = play()
    await send(BOB, { service: 'sms' as ServiceId })
    expect(interworked).toHaveLength(1)
  })

  test('what somebody else decided to interwork is not brought back', async () => {
    const { send, interworked } = play()
    for (const given of ['isf', 'iwf', 'term'] as const) await send(BOB, {}, given)
    expect(interworked).toHaveLength(3)
  })

  test.each<[DeliveryOutcome, object]>([
    [
      { kind: 'refused', reason: 'content-unsupported', status: 415, said: '415 no' },
      { status: 415, warning: '415 no' },
    ],
    [{ kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' }, { status: 480 }],
  ])('MSG-18 IW-02 the sender hears what became of it: %j', async (outcome, answer) => {
    expect(await play(outcome).send(BOB)).toMatchObject(answer)
  })
})
