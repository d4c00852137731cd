import { expect, test } from 'vitest'
import { chaos } from '../../scripts/rig/chaos.js'

test.each([
  ['sms', 400],
  ['mms', 200],
  ['xmpp', 400],
] as const)(
  'FN-08 nothing accepted is lost when the gateway, its redis-server and the centre are killed: %s',
  {
    timeout: 120_000,
  },
  async (service, messages) => {
    const said: string[] = []
    const result = await chaos({
      service,
      messages,
      kills: 3,
      seed: 7,
      parallel: 20,
      cutEveryMs: 2_000,
      patienceMs: 20_000,
      say: (line) => said.push(line),
    })
    expect(said).toHaveLength(3)
    expect(result.accepted).toBe(messages)
    // XMPP has nothing that tells of a receipt which went down with a connection; the message itself arrived.
    const silent = service === 'xmpp' ? result.receiptsLost : 0
    expect(result.delivered + result.reportedFailed + silent).toBe(messages)
    expect(result.receiptsUnexplained).toEqual([])
    expect(result.lostOut).toEqual([])
    expect(result.lostIn).toEqual([])
    expect(result.duplicatesOut.unexplained).toEqual([])
    expect(result.duplicatesIn.unexplained).toEqual([])
  },
)
