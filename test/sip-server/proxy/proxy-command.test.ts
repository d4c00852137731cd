import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCommand } from '../../../gateway/sip-server/control/command.js'
import { readProxyCommand } from '../../../gateway/sip-server/control/proxy-command.js'

describe('the proxy command', () => {
  it('with every option', () => {
    const line = 'id|proxy|txn|remainInDialog|fullResponse|followRedirects|simultaneous|2s|1500ms|sip:a|tel:+1'
    expect(readCommand(`${line}\r\nINVITE sip:a SIP/2.0\r\nX-A: b\r\n\r\n`)).toEqual({
      kind: 'proxy',
      id: 'id',
      transactionId: 'txn',
      remainInDialog: true,
      followRedirects: true,
      simultaneous: true,
      provisionalTimeoutMs: 2000,
      finalTimeoutMs: 1500,
      destinations: ['sip:a', 'tel:+1'],
      text: 'INVITE sip:a SIP/2.0\r\nX-A: b\r\n\r\n',
    })
  })

  it('without any', () => {
    expect(readCommand('id|proxy|txn||fullResponse||serial|||sip:a')).toMatchObject({
      remainInDialog: false,
      followRedirects: false,
      simultaneous: false,
      provisionalTimeoutMs: undefined,
      finalTimeoutMs: undefined,
      destinations: ['sip:a'],
      text: '',
    })
  })

  it.each([
    ['2s', 2000],
    ['250ms', 250],
    ['250', 250],
    ['999999999s', 86_400_000],
    ['', undefined],
    ['soon', undefined],
    ['-1s', undefined],
    ['99999999999s', undefined],
  ])('a time limit of %j', (text, ms) => {
    expect(readProxyCommand('id', ['t', '', '', '', '', text], '').provisionalTimeoutMs).toBe(ms)
  })

  it('any tokens give a command', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.string(),
        (tokens, text) => readProxyCommand('id', tokens, text).kind === 'proxy',
      ),
    )
  })
})
