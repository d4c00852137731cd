import { describe, expect, it } from 'vitest'
import {
  newContributionId,
  newConversationId,
  newMessageId,
  stableId,
  toContributionId,
  toConversationId,
  toMessageId,
} from '../../gateway/cpm/identity.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('identities', () => {
  it('CONV-05 every new one is a UUID of its own', () => {
    for (const make of [newConversationId, newContributionId, newMessageId]) {
      expect(make()).toMatch(uuid)
      expect(make()).not.toBe(make())
    }
  })

  it('the same text has the same stable id', () => {
    expect(stableId('a')).toMatch(uuid)
    expect(stableId('a')).toBe(stableId('a'))
    expect(stableId('a')).not.toBe(stableId('b'))
  })

  it.each(['0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11', 'Msg-7f3a9c20b1d84e55', '31f@192.0.2.7', 'a'.repeat(255)])(
    'ID-21 takes %.40s as it stands',
    (text) => {
      expect(toConversationId(text)).toBe(text)
      expect(toContributionId(text)).toBe(text)
      expect(toMessageId(text)).toBe(text)
    },
  )

  it.each(['', 'a b', 'a\r\nX: y', 'a,b', '<a>', 'ä', 'a'.repeat(256)])('refuses %.20j', (text) => {
    expect(toConversationId(text)).toBeUndefined()
    expect(toContributionId(text)).toBeUndefined()
    expect(toMessageId(text)).toBeUndefined()
  })
})
