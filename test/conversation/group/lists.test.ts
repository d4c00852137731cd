import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { ListedRecipient } from '../../../gateway/cpm/message.js'
import { buildRecipientList } from '../../../gateway/cpm/recipient-list.js'
import { newMessageId, writeCpim } from '../../../scripts/rig/cpim.js'
import { header, readSip, type SipText, writeSip } from '../../../scripts/rig/sip-text.js'
import type { UserAgent } from '../../../scripts/rig/user-agent.js'
import { BOTH, FRIENDS, friends, LISTS, nextNotifications, numberOf, openStage, told, uriOf } from './stage.js'

const HANDSET = 'tel:+12065550199'

const listBody = (cpim: string, xml: string): string =>
  [
    '--b',
    'Content-Type: message/cpim',
    '',
    cpim,
    '--b',
    'Content-Type: application/resource-lists+xml',
    'Content-Disposition: recipient-list',
    '',
    xml,
    '--b--',
    '',
  ].join('\r\n')

/** Sends a text with a recipient list (RFC 5365). */
async function sayToList(
  device: UserAgent,
  list: string | readonly ListedRecipient[],
  text: string,
  { to = LISTS, headers = [] }: { readonly to?: string; readonly headers?: SipText['headers'] } = {},
): Promise<{ readonly answer: SipText; readonly messageId: string }> {
  const messageId = newMessageId()
  const cpim = writeCpim({ from: device.uri, to, text, report: BOTH, messageId })
  const xml = typeof list === 'string' ? list : buildRecipientList(list)
  const body = listBody(cpim, xml)
  const answer = await device.message(to, body, [
    ['Require', 'recipient-list-message'],
    ['Content-Type', 'multipart/mixed;boundary=b'],
    ...headers,
  ])
  return { answer, messageId }
}

const entry = (uri: string, copy: ListedRecipient['copy'] = 'to') => ({ uri, copy }) as ListedRecipient

describe('a message with a recipient list', () => {
  test('MSG-02 RFC 5365: 202, a copy to each, and nobody sees who got a blind one', async () => {
    const stage = await openStage()
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    const conversation = '0b0f5a2e-6f0a-4c57-9d4c-1f7f4f6f8f10'
    const { answer } = await sayToList(
      alice,
      [entry(uriOf('bob')), entry(numberOf('bob'), 'cc'), entry(uriOf('carol'), 'bcc')],
      'to some',
      { headers: [['Conversation-ID', conversation]] },
    )
    expect(answer.status).toBe(202)
    for (const member of [bob, carol]) {
      const { request } = await member.messages.next('the copy', () => true)
      const body = request.body.toString()
      expect(header(request, 'Conversation-ID')).toBe(conversation)
      expect(header(request, 'Content-Type')).toMatch(/^multipart\/mixed/)
      expect(body).toContain(`To: <${member.uri}>`)
      expect(body).toContain(`imdn.Original-To: <${LISTS}>`)
      expect(body).toContain('recipient-list-history; handling=optional')
      expect(body).toContain(`<entry uri="${uriOf('bob')}"`)
      expect(body).not.toContain(`<entry uri="${uriOf('carol')}"`)
      expect(body).toContain('\r\nto some\r\n')
    }
    expect([...bob.messages.items, ...alice.messages.items]).toEqual([])
  })

  test('MSG-02 GRP-ORIG-03 IMDN-12: entries of any scheme, each by its own way; those who cannot be reached are told', async () => {
    const stage = await openStage({
      services: { sms: {} },
      lists: { reports: { wait: '300ms' } },
      groups: {
        ...friends([uriOf('dave')]),
        open: { address: 'sip:open@groups.cpm.example', members: [uriOf('carol')], send: 'anyone' },
      },
    })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const carol = await stage.device('carol')
    const { answer } = await sayToList(
      alice,
      [
        entry(HANDSET),
        entry(uriOf('bob'), 'bcc'),
        entry('gopher://unheard.example/of'),
        entry('sip:nobody@groups.cpm.example'),
        entry(FRIENDS),
        entry('sip:open@groups.cpm.example'),
        entry('nowhere'),
      ],
      'to all sorts',
    )
    expect(answer.status).toBe(202)
    expect(await stage.service().offered.next('a short message', () => true)).toMatchObject({
      from: numberOf('alice'),
      to: HANDSET,
      content: { text: 'to all sorts' },
    })
    for (const member of [bob, carol]) await member.messages.next('the copy', () => true)
    expect(told(await nextNotifications(alice))).toEqual([
      'gopher://unheard.example/of failed',
      'nowhere failed',
      'sip:friends@groups.cpm.example failed',
      'sip:nobody@groups.cpm.example failed',
    ])
  })

  test.each([
    ['more than policy allows', Array.from({ length: 101 }, (_, n) => entry(`tel:+1206${2_000_000 + n}`)), 403],
    ['XML with errors', '<resource-lists', 400],
    [
      'a stored list',
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry-ref ref="x"/></list></resource-lists>',
      404,
    ],
    ['another body', 'hello', 400],
  ])('GRP-ORIG-04 refuses %s', async (_what, list, status) => {
    const stage = await openStage()
    const alice = await stage.device('alice')
    expect((await sayToList(alice, list, 'hi')).answer.status).toBe(status)
  })

  test('GRP-ORIG-04 refuses ten thousand entries, however large a message may be', async () => {
    const stage = await openStage({ maxMessage: '1MiB', trust: true })
    const list = Array.from({ length: 10_000 }, (_, n) => entry(`tel:+1206${2_000_000 + n}`))
    const body = listBody(writeCpim({ from: uriOf('alice'), to: LISTS, text: 'hi' }), buildRecipientList(list))
    const octets = writeSip(
      `MESSAGE ${LISTS} SIP/2.0`,
      [
        ['Via', 'SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKlong;rport'],
        ['Max-Forwards', '70'],
        ['From', `<${uriOf('alice')}>;tag=a`],
        ['To', `<${LISTS}>`],
        ['Call-ID', 'long'],
        ['CSeq', '1 MESSAGE'],
        ['P-Asserted-Identity', `<${uriOf('alice')}>`],
        ['Content-Type', 'multipart/mixed;boundary=b'],
      ],
      body,
    )
    const socket = connect(stage.sip.tcp, '127.0.0.1')
    socket.write(octets)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(readSip(answer)?.status).toBe(413)
  })

  test('a list belongs to the address of lists, and that address wants one', async () => {
    const stage = await openStage({ groups: friends([uriOf('alice'), uriOf('bob')]) })
    const alice = await stage.device('alice')
    for (const to of [FRIENDS, uriOf('bob')]) {
      const { answer } = await sayToList(alice, [entry(uriOf('bob'))], 'hi', { to })
      expect(answer.status).toBe(420)
      expect(header(answer, 'Unsupported')).toBe('recipient-list-message')
    }
    expect((await alice.say({ to: LISTS, text: 'hi' })).answer.status).toBe(400)
  })
})

describe('what a group does not take', () => {
  const cases: readonly (readonly [
    string,
    { group?: object; to?: string; text?: string; headers?: SipText['headers'] },
    number,
  ])[] = [
    ['MSG-11 a sender who is no member', { group: { members: [uriOf('bob')] } }, 403],
    [
      'MSG-11 a member who is barred',
      { group: { members: [uriOf('alice'), uriOf('bob')], barred: [numberOf('alice')] } },
      403,
    ],
    [
      'MSG-11 a sender who is not on its list',
      { group: { members: [uriOf('alice'), uriOf('bob')], send: [uriOf('bob')] } },
      403,
    ],
    ['an unknown group', { to: 'sip:nobody@groups.cpm.example' }, 404],
    ['a kind of content it does not take', { group: { media: ['image/*'] } }, 415],
    [
      'CPM-CONV-011 a kind of content it does not take of this sender',
      { group: { media: ['text/*'], mediaBy: { [numberOf('alice')]: ['image/*'] } } },
      415,
    ],
    ['a text that is too long', { group: { maxMessage: '10B' }, text: 'longer than ten' }, 413],
    [
      'more members than may be',
      { group: { members: ['sip:inner@groups.cpm.example', uriOf('alice')], maxMembers: 2 } },
      403,
    ],
  ]
  test.each(cases)('%s', async (_what, { group = {}, to = FRIENDS, text = 'hi', headers }, status) => {
    const inner = { address: 'sip:inner@groups.cpm.example', members: [uriOf('bob'), uriOf('carol'), uriOf('dave')] }
    const stage = await openStage({ groups: { ...friends([uriOf('alice'), uriOf('bob')], group), inner } })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { answer } = await alice.say({ to, text, report: BOTH, ...(headers && { headers }) })
    expect(answer.status).toBe(status)
    expect([...bob.messages.items, ...alice.messages.items]).toEqual([])
  })
})
