import { describe, expect, it } from 'vitest'
import { statusMeaning, statusName, submitOutcome } from '../../../adapters/sms-smpp/mapping/status.js'
import { vectors } from './vectors.js'

interface Status {
  code: string
  name: string
  appliesTo: string
  class: string
  outcome: string
  reason?: string
}
const { status: STATUSES } = vectors<{ status: Status[] }>('command-status')

describe('command_status', () => {
  for (const status of STATUSES) {
    const code = Number(status.code)
    it(`knows ${status.name}`, () => {
      const meaning = statusMeaning(code)
      expect(meaning.name).toBe(status.name)
      if (status.reason) expect(meaning.reason).toBe(status.reason)
      expect(meaning.class).toBe(status.outcome === 'refused-for-this-service' ? 'service' : status.class)
    })
    if (code === 0) continue
    it(`makes ${status.outcome} of ${status.name}`, () => {
      const outcome = submitOutcome(code, { attempt: 1 })
      expect(outcome.kind).toBe(status.outcome.split(/[-,]/, 1)[0])
      if (outcome.kind === 'refused') {
        const ofThisService = ['too-large', 'content-unsupported', 'malformed', 'service-unsupported']
        const here = status.outcome === 'refused-for-this-service' || ofThisService.includes(outcome.reason)
        expect(outcome.final).toBe(here ? 'here' : 'everywhere')
      } else expect(outcome.maxAttempts).toBe(status.outcome.includes('at most 3') ? 3 : undefined)
    })
  }

  it('takes vendor codes as permanent and unknown ones as passing', () => {
    expect(submitOutcome(0x411, { attempt: 1 })).toMatchObject({ kind: 'refused', final: 'everywhere' })
    expect(submitOutcome(0x9999, { attempt: 1 })).toMatchObject({ kind: 'busy', maxAttempts: 3 })
  })

  it('lets the profile say what a code means', () => {
    const overrides = { '0x411': 'busy', '69': 'here', '0x58': 'refused' } as const
    expect(submitOutcome(0x411, { attempt: 1, overrides })).toMatchObject({ kind: 'busy', scope: 'message' })
    expect(submitOutcome(0x45, { attempt: 1, overrides })).toMatchObject({ kind: 'refused', final: 'here' })
    expect(submitOutcome(0x58, { attempt: 1, overrides })).toMatchObject({ kind: 'refused', final: 'everywhere' })
  })

  it('waits longer from try to try', () => {
    const waits = (status: number) =>
      [1, 2, 3, 4, 50].map((attempt) => {
        const outcome = submitOutcome(status, { attempt })
        return outcome.kind === 'busy' ? outcome.retryAfterMs / 1000 : undefined
      })
    expect(waits(0x58)).toEqual([1, 2, 4, 8, 60])
    expect(waits(0x14)).toEqual([5, 10, 20, 40, 60])
    expect(waits(0x08)).toEqual([60, 300, 900, 3600, 3600])
  })

  it('looks at delivery_failure_reason behind ESME_RDELIVERYFAILURE', () => {
    const outcomes = [0, 1, 2, 3].map((deliveryFailureReason) =>
      submitOutcome(0xfe, { attempt: 1, deliveryFailureReason }),
    )
    expect(outcomes.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual([
      'busy recipient-unavailable',
      'refused address-invalid',
      'refused unreachable-network',
      'busy unreachable-network',
    ])
  })

  it('names codes for the log', () => {
    expect(statusName(0x58)).toBe('ESME_RTHROTTLED (0x58)')
    expect(statusName(0x411)).toBe('vendor error (0x411)')
  })
})
