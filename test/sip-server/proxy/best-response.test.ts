import { describe, expect, it } from 'vitest'
import { type BranchAnswer, bestResponse, statusOf } from '../../../gateway/sip-server/proxy/best-response.js'
import { redirectTargets } from '../../../gateway/sip-server/proxy/redirect.js'
import { response, values } from './messages.js'

function received(status: number, ...lines: readonly string[]): BranchAnswer {
  return { kind: 'received', response: response(status, ...lines), body: '' }
}

describe('the best response (RFC 3261 §16.7 item 6)', () => {
  it.each([
    ['6xx before all', [302, 486, 603, 404], 603],
    ['the lowest class', [500, 486, 302], 302],
    ['the first of a class', [486, 404], 486],
    ['what helps the caller', [404, 415], 415],
    ['a challenge', [486, 407, 401], 407],
    ['a refusal before a timeout', [408, 404], 404],
    ['a refusal before a cancelled branch', [487, 486], 486],
    ['a timeout, if there is nothing else', [408], 408],
    ['500 for 503', [503], 500],
    ['another 5xx before 503', [503, 501], 501],
  ])('%s', (_what, statuses, best) => {
    const answer = bestResponse(statuses.map((status) => received(status)))
    expect(answer && statusOf(answer)).toBe(best)
  })

  it('nothing of nothing', () => expect(bestResponse([])).toBeUndefined())

  it('all challenges go to the caller (item 7)', () => {
    const best = bestResponse([
      received(404),
      received(401, 'WWW-Authenticate: Digest realm="a"'),
      received(407, 'Proxy-Authenticate: Digest realm="b"', 'Proxy-Authenticate: Digest realm="c"'),
      received(401, 'WWW-Authenticate: Digest realm="d"', 'X-Other: e'),
    ])
    if (best?.kind !== 'received') throw new Error('not a received response')
    expect(best.response.status).toBe(401)
    expect(values(best.response, 'www-authenticate')).toEqual(['Digest realm="a"', 'Digest realm="d"'])
    expect(values(best.response, 'proxy-authenticate')).toEqual(['Digest realm="b"', 'Digest realm="c"'])
    expect(values(best.response, 'x-other')).toEqual([])
  })
})

describe('targets of a redirection', () => {
  it.each([
    [
      'by preference',
      ['Contact: <sip:a@h>;q=0.5, <sip:b@h>;q=0.9', 'Contact: <sip:c@h>'],
      ['sip:c@h', 'sip:b@h', 'sip:a@h'],
    ],
    ['without URI headers', ['Contact: <sip:a@h?X=y>'], ['sip:a@h']],
    ['only what SIP reaches', ['Contact: <mailto:a@h>, <sips:a@h>, <tel:+1>, nonsense, *'], ['sips:a@h']],
    ['none', [], []],
  ])('%s', (_what, lines, targets) => expect(redirectTargets(response(302, ...lines))).toEqual(targets))
})
