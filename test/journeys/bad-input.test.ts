import { expect } from 'vitest'
import { encodePdu } from '../../adapters/sms-smpp/wire/pdu.js'
import { writeCpim, writeImdn } from '../../scripts/rig/cpim.js'
import { header, writeSip } from '../../scripts/rig/sip-text.js'
import type { UserAgent } from '../../scripts/rig/user-agent.js'
import { DOMAIN, NUMBER_OF, type Step, stage } from './harness.js'

/** A MESSAGE of the device as octets, to be spoilt. */
function request(agent: UserAgent, spoil: { headers?: [string, string][]; body?: string } = {}): Buffer {
  const via = `SIP/2.0/UDP ${agent.contact.split('@')[1]};branch=z9hG4bK${Math.random().toString(36).slice(2)};rport`
  const body = spoil.body ?? writeCpim({ from: agent.uri, to: 'tel:+12065554001', text: 'spoilt' })
  return writeSip(
    `MESSAGE sip:+12065554001@${DOMAIN} SIP/2.0`,
    [
      ['Via', via],
      ['Max-Forwards', '70'],
      ['From', `<${agent.uri}>;tag=x`],
      ['To', `<sip:+12065554001@${DOMAIN}>`],
      ['Call-ID', `${Math.random()}`],
      ['CSeq', '1 MESSAGE'],
      ['Content-Type', 'message/cpim'],
      ...(spoil.headers ?? []),
    ],
    body,
  )
}

stage('bad input', { account: { reassemblyTimeout: '1s' }, sip: { maxMessage: '32KiB' } }, (play) => {
  /** Whatever came before, the next message goes through. */
  const stillWorks = (cast: Parameters<Parameters<typeof play>[1]>[0]): readonly Step[] => [
    cast.alice.sends({ to: 'tel:+12065554000', text: 'still there?' }),
    cast.alice.receivesReport('delivered'),
    cast.gateway.answersReady(),
  ]

  play('ID-17 an asserted identity from a device is not believed', ({ alice, smsc }) => [
    alice.sends({
      to: 'tel:+12065554002',
      text: 'as bob?',
      headers: [['P-Asserted-Identity', `<sip:bob@${DOMAIN}>, <tel:+${NUMBER_OF.bob}>`]],
    }),
    smsc.receives({ from: NUMBER_OF.alice, to: '12065554002' }),
    alice.receivesReport('delivered'),
  ])

  play('REG-11 REG-18 MSG-05 a sender who does not prove who he is gets a challenge, and nothing is sent', (cast) => [
    cast.stranger.sendsOctets(
      (agent) => request(agent, { headers: [['P-Asserted-Identity', `<sip:alice@${DOMAIN}>`]] }),
      407,
    ),
    cast.stranger.sends({ to: 'tel:+12065554001', text: 'with a wrong password' }, 403),
    cast.stranger.registers(403),
    cast.gateway.counts('causeway_bad_input_total', { what: 'credentials' }),
    cast.smsc.hasTaken(0, '12065554001'),
    ...stillWorks(cast),
  ])

  play('MSG-01 an unknown user of the home domain', (cast) => [
    cast.alice.sends({ to: `sip:nobody@${DOMAIN}`, text: 'anybody?' }, 404),
    ...stillWorks(cast),
  ])

  play('an SMS for nobody is refused for good', (cast) => [
    cast.smsc.handsetWrites({ from: '+12065554003', to: '+12065559999', text: 'wrong number' }, 0x65),
    ...stillWorks(cast),
  ])

  play('a Content-Length beyond the datagram', (cast) => [
    cast.alice.sendsOctets((agent) => request(agent, { headers: [['Content-Length', '5000']] }), 400),
    ...stillWorks(cast),
  ])

  play('a header of 60 KB, where 32 are the limit', (cast) => [
    cast.alice.sendsOctets((agent) => request(agent, { headers: [['X-Long', 'x'.repeat(60_000)]] }), 413),
    ...stillWorks(cast),
  ])

  play('octets that are no SIP', (cast) => [
    cast.alice.sendsOctets(() => Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0),
    cast.alice.sendsOctets(() => Buffer.from([0, 255, 0, 255, 13, 10, 13, 10]), 0),
    ...stillWorks(cast),
  ])

  play('a CPIM that ends in its head, and one without a content type', (cast) => [
    cast.alice.sendsBody(`sip:+12065554004@${DOMAIN}`, 'From: <sip:alice@cpm.example>\r\n', 400),
    cast.alice.sendsBody(`sip:+12065554004@${DOMAIN}`, 'From: <sip:a@b>\r\nTo: <sip:c@d>\r\n\r\n\r\ntext', 400),
    cast.smsc.hasTaken(0, '12065554004'),
    cast.gateway.counts('causeway_bad_input_total'),
    ...stillWorks(cast),
  ])

  play('an IMDN of an IMDN: a report never asks for a report', (cast) => {
    const imdn = writeImdn({
      from: cast.alice.agent.uri,
      to: `sip:bob@${DOMAIN}`,
      messageId: 'Msg-none',
      dateTime: new Date().toISOString(),
      status: 'delivered',
      report: ['positive-delivery'],
    })
    return [
      async () => {
        const { status } = await cast.alice.agent.message(`sip:bob@${DOMAIN}`, imdn)
        expect([200, 202, 400]).toContain(status)
      },
      ...stillWorks(cast),
      cast.alice.hasNothingElse(),
    ]
  })

  play('SMPP garbage ends the link, which comes back', (cast) => [
    cast.smsc.does((centre) => centre.raw(Buffer.from('this is no SMPP at all, is it? '.repeat(10)))),
    ...stillWorks(cast),
  ])

  play('a PDU of an unheard-of length', (cast) => [
    cast.smsc.does((centre) => centre.raw(Buffer.from('7fffffff00000005000000000000000100000000', 'hex'))),
    ...stillWorks(cast),
  ])

  play('an unknown command is refused by generic_nack, and the link lives on', (cast) => [
    cast.smsc.does((centre) => {
      const heard = new Promise<void>((resolve, reject) => {
        centre.events.on('pdu', (pdu) => pdu.command === 'generic_nack' && resolve())
        centre.events.once('gone', () => reject(new Error('the link went down')))
      })
      centre.raw(Buffer.from('00000010000002fe0000000000000777', 'hex'))
      return heard
    }),
    ...stillWorks(cast),
  ])

  play('FLOW-25e a receipt for an id that nobody knows is acknowledged', (cast) => [
    cast.smsc.does((centre) => {
      const text =
        'id:no-such-id sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:'
      const acknowledged = new Promise<void>((resolve) => {
        centre.events.on('pdu', (pdu) => {
          if (pdu.command === 'deliver_sm_resp' && pdu.sequence === 0x7777 && pdu.status === 0) resolve()
        })
      })
      centre.raw(deliver(0x7777, { esm_class: 4, short_message: Buffer.from(text) }))
      return acknowledged
    }),
    ...stillWorks(cast),
  ])

  play('half a long message is delivered with a mark when the rest does not come', (cast) => [
    cast.smsc.does((centre) => {
      const header = Buffer.from([5, 0, 3, 77, 2, 1])
      centre.raw(
        deliver(0x7778, { esm_class: 0x40, short_message: Buffer.concat([header, Buffer.from('first half')]) }),
      )
    }),
    cast.alice.receives(/first half/, ({ request: got }) => expect(header(got, 'Non-CPM-Service')).toBe('sms')),
    ...stillWorks(cast),
  ])
})

/** A deliver_sm to alice's number. */
function deliver(sequence: number, fields: { esm_class: number; short_message: Buffer }): Buffer {
  return encodePdu('deliver_sm', 0, sequence, {
    service_type: '',
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: '12065554005',
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: NUMBER_OF.alice,
    protocol_id: 0,
    priority_flag: 0,
    schedule_delivery_time: '',
    validity_period: '',
    registered_delivery: 0,
    replace_if_present_flag: 0,
    data_coding: 0,
    sm_default_msg_id: 0,
    ...fields,
  })
}
