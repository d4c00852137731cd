import { describe, expect, test } from 'vitest'
import { loadText, problemsOf } from './folder.js'

const groups = (text: string) => problemsOf(`users: {alice: {password: secret}}\ngroups: ${text}\n`)

describe('groups', () => {
  test('GRP-GAP-01 members of any scheme, who may send, media, sizes, reports', async () => {
    const { config } = await loadText(
      'groups: {defined: {friends: {address: "sip:friends@groups.cpm.example", members: ["sip:alice@cpm.example", "tel:+12065550101", "wv:bob@imps.example", "mailto:eve@mail.example"], send: anyone, barred: ["sip:mallory@cpm.example"], media: [text/plain], maxMessage: 2kB, reports: {policy: single, wait: 5s}}}}\n',
    )
    expect(config.groups.defined.friends).toMatchObject({
      send: 'anyone',
      maxMessage: 2000,
      maxMembers: 100,
      writer: 'name',
      reports: { policy: 'single', wait: 5000, failures: true },
    })
  })

  test.each([
    ['tel:+12065550100', 'expected a SIP URI such as'],
    ['sip:+12065550100@cpm.example', 'expected a SIP URI that is no phone number (ID-10)'],
    ['sip:alice@cpm.example', 'already an address of the user alice'],
    ['sip:lists@cpm.example', 'already an address of recipient lists'],
  ])('ID-10 a group has one address, a SIP URI of its own: not %s', async (address, said) => {
    expect(
      (await groups(`{defined: {g: {address: "${address}", members: ["sip:bob@cpm.example"]}}}`)).join(),
    ).toContain(`groups.defined.g.address: ${said}`)
  })

  test('two groups never share an address', async () => {
    const one = 'address: "sip:g@groups.example", members: ["sip:bob@cpm.example"]'
    expect(await groups(`{defined: {a: {${one}}, b: {${one}}}}`)).toEqual([
      expect.stringContaining('groups.defined.b.address: already an address of the group a'),
    ])
  })

  test('members are addresses, and no more than may be', async () => {
    const said = await groups(
      '{defined: {g: {address: "sip:g@x.example", members: ["tel:12", "tel:+12065550101"], maxMembers: 1}}}',
    )
    expect(said).toEqual([
      expect.stringContaining('groups.defined.g.members: expected at most maxMembers (1), found 2'),
    ])
    expect(await groups('{defined: {g: {address: "sip:g@x.example", members: ["gopher:x"]}}}')).toEqual([
      expect.stringContaining('groups.defined.g.members.0: expected an address that can be reached'),
    ])
  })
})
