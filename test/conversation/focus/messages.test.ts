import { describe, expect, test } from 'vitest'
import { assemble, hears } from './assemble.js'
import { cpim, place, talkOf } from './phone.js'
import { FRIENDS, openFocusStage, uri } from './stage.js'

const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)

describe('messages', () => {
  test('UP-04: octet for octet to every other, once, and not to one without the stream', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    const told = await carol.talk.dialog.request(
      'INVITE',
      [],
      carol.talk.focus.body.toString().replace(/m=message \d+/, 'm=message 0'),
    )
    expect(told.status).toBe(488)
    const written = cpim(
      uri('alice'),
      FRIENDS,
      'grüße – 你好',
      'text/plain;charset=utf-8',
      'Msg-1',
      'positive-delivery',
    )
    expect(await alice.talk.sends(written)).toBe('200')
    const octets = Buffer.from(written.replace(/\n/g, '\r\n'), 'utf8').toString('latin1')
    expect(await bob.talk.heard.next('the message', () => true)).toBe(octets)
    expect(await carol.talk.heard.next('the message', () => true)).toBe(octets)
    await bob.talk.says('second')
    await hears(carol.talk, 'second')
    expect(bodyOf(await hears(alice.talk, 'second'))).toContain('second')
    expect([alice, bob, carol].map(({ talk }) => talk.heard.items)).toEqual([[], [], []])
  })

  test('a message is not passed on in the name of somebody else, nor what is no CPIM', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    expect(await alice.talk.says('I am Bob', { from: uri('bob') })).toBe('403')
    expect(await alice.talk.sends('plain', 'text/plain')).toBe('415')
    expect(await alice.talk.sends('From: nothing\n\nmore')).toBe('400')
    expect(await alice.talk.says('fine')).toBe('200')
    await hears(bob.talk, 'fine')
    expect(bob.talk.heard.items).toEqual([])
    expect(stage.faults).toEqual([])
  })

  test('CPM-CONV-011: types of media by member, and types that a member does not take', async () => {
    const stage = await openFocusStage({ group: { mediaBy: { [uri('bob')]: ['text/plain'] } } })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'], {
      answers: { types: 'text/plain message/imdn+xml' },
    })
    expect(await bob.talk.says('R0lG', { type: 'image/gif' })).toBe('415')
    expect(await alice.talk.says('R0lG', { type: 'image/gif' })).toBe('200')
    await alice.talk.says('text')
    await hears(bob.talk, 'text')
    expect(bob.talk.heard.items).toEqual([])
    expect(stage.events).toContain('copy-unsuited')
  })

  test('a message larger than the group takes gets 413', async () => {
    const stage = await openFocusStage({ group: { maxMessage: '1KiB' } })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    expect(bob.talk.focus.body.toString()).toContain('a=max-size:1024')
    expect(await alice.talk.says('x'.repeat(70_000))).toBe('413')
    expect(bob.talk.heard.items).toEqual([])
  })

  test('private messages go to all devices of the one, and of nobody else (RFC 7701)', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    const tablet = await stage.phone('bob')
    const second = await talkOf(tablet, place(tablet, alice.talk.identity))
    expect(await alice.talk.says('between us', { to: uri('bob') })).toBe('200')
    await Promise.all([hears(bob.talk, 'between us'), hears(second, 'between us')])
    expect(carol.talk.heard.items).toEqual([])
    expect(await alice.talk.says('who', { to: uri('erin') })).toBe('404')
    const two = cpim(uri('alice'), uri('bob'), 'two').replace('DateTime', `To: <${uri('carol')}>\nDateTime`)
    expect(await alice.talk.sends(two)).toBe('403')
  })

  test('where the group has no private messages they get 428, and reports still go through', async () => {
    const stage = await openFocusStage({ policies: { privateMessages: false } })
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    expect(await alice.talk.says('between us', { to: uri('bob') })).toBe('428')
    expect(await bob.talk.says('<imdn/>', { to: uri('alice'), type: 'message/imdn+xml' })).toBe('200')
    await hears(alice.talk, '<imdn/>')
    expect(carol.talk.heard.items).toEqual([])
  })

  test('RFC 3994: that somebody writes is passed on', async () => {
    const stage = await openFocusStage({ group: { media: ['text/plain'] } })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const document = '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>'
    expect(await alice.talk.says(document, { type: 'application/im-iscomposing+xml' })).toBe('200')
    await hears(bob.talk, document)
  })

  test('RFC 7701 §7: nicknames are one of a kind, shown in the roster, and may be given back', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    expect(await alice.talk.request('NICKNAME', 'Use-Nickname: "The Boss"\n')).toBe('200')
    expect(await bob.talk.request('NICKNAME', 'Use-Nickname: "the boss"\n')).toBe('425')
    expect(await bob.talk.request('NICKNAME', 'Use-Nickname: "Alice"\n')).toBe('425')
    expect(await bob.talk.request('NICKNAME', 'Use-Nickname: nothing\n')).toBe('424')
    expect(await alice.talk.request('NICKNAME', 'Use-Nickname: ""\n')).toBe('200')
    expect(await bob.talk.request('NICKNAME', 'Use-Nickname: "the boss"\n')).toBe('200')
    const strict = await openFocusStage({ policies: { nicknames: false } })
    const { carol } = await assemble(strict, ['alice', 'carol'])
    expect(await carol.talk.request('NICKNAME', 'Use-Nickname: "C"\n')).toBe('403')
  })

  test('a member who takes nothing does not hold the others up, and is dropped in the end', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    bob.talk.stall()
    const text = 'y'.repeat(60_000)
    for (let round = 0; round < 80; round++) {
      expect(await alice.talk.says(`${text}${round}`)).toBe('200')
      await hears(carol.talk, `y${round}`)
    }
    await bob.talk.next('BYE')
    expect(stage.events.filter((event) => event === 'dropped')).toHaveLength(1)
    await alice.talk.says('we two')
    await hears(carol.talk, 'we two')
  })
})
