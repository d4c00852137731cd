import { describe, expect, test } from 'vitest'
import { buildPidf, parsePidf } from '../../gateway/cpm/pidf.js'
import type { PresenceState } from '../../gateway/cpm/presence.js'
import { SHOWS_ALL } from '../../gateway/presence/rules.js'
import { viewOf } from '../../gateway/presence/view.js'

const icon = 'https://pictures.example/a.png?x=1&y=2'
const state: PresenceState = { tuples: [], person: { activities: [], moods: [], icon } }

describe('the picture of a user (RFC 4480 status-icon)', () => {
  test('PRES-05 what is written is read', () => {
    expect(parsePidf(buildPidf('sip:alice@cpm.example', state))).toMatchObject({ state })
  })

  test.each(['javascript:alert(1)', 'file:///etc/passwd', 'https://a b', `https://${'x'.repeat(2_000)}`, ''])(
    'what no device should fetch is left out: %s',
    (address) => {
      const text = buildPidf('sip:alice@cpm.example', {
        ...state,
        person: { activities: [], moods: [], icon: address },
      })
      expect(parsePidf(text)).toMatchObject({ state: { person: { activities: [], moods: [] } } })
      expect(JSON.stringify(parsePidf(text))).not.toContain('icon')
    },
  )

  test('PRES-03 RFC 5025 §3.3.2 who is not provided with it does not see it', () => {
    expect(viewOf(state, { handling: 'allow', shows: SHOWS_ALL }).person?.icon).toBe(icon)
    expect(viewOf(state, { handling: 'allow', shows: { ...SHOWS_ALL, icon: false } }).person?.icon).toBeUndefined()
    expect(viewOf(state, { handling: 'polite-block', shows: SHOWS_ALL }).person).toBeUndefined()
  })
})
