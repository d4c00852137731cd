import { expect, test } from 'vitest'
import { chaos } from '../../scripts/rig/chaos.js'

test('FN-08 nothing accepted is lost when the gateway, its redis-server and the message centre are killed', {
  timeout: 120_000,
}, async () => {
  const said: string[] = []
  const result = await chaos({
    service: 'sms',
    messages: 400,
    kills: 3,
    seed: 7,
    parallel: 20,
    patienceMs: 20_000,
    say: (line) => said.push(line),
  })
  expect(said).toHaveLength(3)
  expect(result.accepted).toBe(400)
  expect(result.delivered + result.reportedFailed).toBe(400)
  expect(result.lostOut).toEqual([])
  expect(result.lostIn).toEqual([])
  expect(result.duplicatesOut.unexplained).toEqual([])
  expect(result.duplicatesIn.unexplained).toEqual([])
})
