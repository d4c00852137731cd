import { describe, expect, it } from 'vitest'
import type { MessageId } from '../../../gateway/cpm/ids.js'
import { PICTURE } from '../picture.js'
import { closing as answering } from '../scripted-mmsc.js'
import { account, answer, bare, mmscFor, OK, rigFor, said, TIMERS } from './outbound-stage.js'

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
    const mmsc = await mmscFor(bare(status))
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
    const mmsc = await mmscFor(bare(status, header))
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

  it.for<[string, string]>([
    ['is no HTTP', 'SMTP ready\r\n'],
    ['changes the protocol', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['is cut off', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n<a/>'],
    ['has no end of headers', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n`],
    ['is far too long', `HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n${'x'.repeat(2_000_000)}`],
  ])('that %s leaves it uncertain', async ([, octets]) => {
    const mmsc = await mmscFor(Buffer.from(octets), { unsaid: true })
    const rig = await rigFor([account(mmsc.url)])
    expect(await rig.send({})).toMatchObject({ kind: 'uncertain', reason: 'uncertain' })
  })

  it('that never comes because the connection broke is uncertain, and nothing is sent twice by us', async () => {
    const mmsc = await mmscFor('cut')
    const rig = await rigFor([account(mmsc.url)])
    expect(await rig.send({})).toMatchObject({ kind: 'uncertain', reason: 'uncertain' })
    expect(mmsc.heard).toHaveLength(1)
  })
})
