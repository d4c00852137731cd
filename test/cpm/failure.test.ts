import { describe, expect, it } from 'vitest'
import {
  FAILURE_REASONS,
  imdnStatusFor,
  isFinal,
  mm7StatusFor,
  reasonForSipStatus,
  sipAnswerFor,
} from '../../gateway/cpm/failure.js'

describe('the failure table', () => {
  it('gives every reason a final SIP failure, an IMDN status and an MM7 error', () => {
    for (const reason of FAILURE_REASONS) {
      expect(sipAnswerFor(reason).status).toBeGreaterThanOrEqual(400)
      expect(sipAnswerFor(reason).status).toBeLessThan(700)
      expect(['failed', 'error']).toContain(imdnStatusFor(reason))
      expect(mm7StatusFor(reason)).toBeGreaterThanOrEqual(2000)
      if (!isFinal(reason)) expect(mm7StatusFor(reason)).toBe(3000)
    }
  })

  it('IMDN-06 a message given up is failed; error only where the outcome is not known', () => {
    expect(FAILURE_REASONS.filter((reason) => imdnStatusFor(reason) === 'error')).toEqual(['uncertain', 'internal'])
  })

  it('says Retry-After when throttled, and why when there is no originator address', () => {
    expect(sipAnswerFor('throttled')).toEqual({ status: 503, retryAfter: true })
    expect(sipAnswerFor('no-originator-address')).toEqual({
      status: 403,
      retryAfter: false,
      warning: 'no address in target service',
    })
  })

  it('tries again only what may change by itself', () => {
    expect(FAILURE_REASONS.filter((reason) => !isFinal(reason))).toEqual([
      'recipient-unavailable',
      'busy',
      'throttled',
      'service-unavailable',
      'timeout',
      'unreachable-network',
      'internal',
    ])
  })

  it.each([
    [404, 'unknown-recipient'],
    [604, 'unknown-recipient'],
    [403, 'sender-not-allowed'],
    [603, 'refused-by-recipient'],
    [407, 'authentication'],
    [408, 'timeout'],
    [413, 'too-large'],
    [480, 'recipient-unavailable'],
    [483, 'loop'],
    [488, 'content-unsupported'],
    [500, 'service-unavailable'],
    [503, 'service-unavailable'],
    [600, 'busy'],
    [302, 'recipient-unavailable'],
    [499, 'malformed'],
    [599, 'service-unavailable'],
    [699, 'refused-by-recipient'],
  ])('SIP %i means %s', (status, reason) => expect(reasonForSipStatus(status)).toBe(reason))
})
