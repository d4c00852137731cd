import { expect, test } from 'vitest'
import { createUserDirectory } from '../../gateway/core/users.js'
import { DOMAIN, testConfig } from './support.js'

const users = testConfig().users

test('ID-04 ID-15 a user is found by each of his addresses, in any spelling', () => {
  const directory = createUserDirectory(users, DOMAIN)
  const spellings = [
    'sip:alice@cpm.example',
    'SIP:alice@CPM.Example:5060',
    'tel:+1-206-555-0100',
    'sip:+12065550100@cpm.example;user=phone',
  ]
  for (const address of spellings) expect(directory.find(address)?.uri, address).toBe('sip:alice@cpm.example')
  expect(directory.find('sip:alice@cpm.example')?.addresses).toEqual(['sip:alice@cpm.example', 'tel:+12065550100'])
  expect(directory.find('sip:carol@cpm.example')).toBeUndefined()
  expect(directory.find('nonsense')).toBeUndefined()
  expect(directory.all().map(({ uri }) => uri)).toEqual(['sip:alice@cpm.example', 'sip:bob@cpm.example'])
})

test('an alias that is no address, or that belongs to two users, is refused', () => {
  const entry = { password: 'x', aliases: [] }
  expect(() => createUserDirectory({ a: { ...entry, aliases: ['http://x'] } }, DOMAIN)).toThrow('users.a')
  const twice = { a: { ...entry, aliases: ['tel:+12065550100'] }, b: { ...entry, aliases: ['tel:+12065550100'] } }
  expect(() => createUserDirectory(twice, DOMAIN)).toThrow('users.b')
})
