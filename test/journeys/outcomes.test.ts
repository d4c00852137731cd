import { expect } from 'vitest'
import { header } from '../../scripts/rig/sip-text.js'
import { NUMBER_OF, stage } from './harness.js'

const account = { timers: { request: '500ms', connect: '2s', bind: '2s' } }

stage('what becomes of a message', { account }, (play) => {
  play('IWF-MSG-01 IWF-REP-02 IMDN-06 a receipt DELIVRD becomes an IMDN delivered', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065551001', text: 'hello' }),
    smsc.receives({ from: NUMBER_OF.alice, to: '12065551001', text: 'hello' }),
    alice.receivesReport('delivered'),
  ])

  play('IWF-REP-02 IMDN-06 a negative receipt becomes an IMDN failed', ({ alice, gateway }) => [
    alice.sends({ to: 'tel:+99910006', text: 'undeliverable' }),
    alice.receivesReport('failed'),
    gateway.counts('causeway_messages_ended_total', { outcome: 'failed' }),
  ])

  play('IW-09 a recipient refused by the centre becomes an IMDN failed', ({ alice }) => [
    alice.sends({ to: 'tel:+99911003', text: 'unknown' }),
    alice.receivesReport('failed'),
  ])

  play('IMDN-01 FLOW-25c who asks for no report gets none', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065551002', text: 'quietly', report: [] }),
    smsc.receives({ to: '12065551002', text: 'quietly' }),
    alice.sends({ to: 'tel:+12065551003', text: 'loudly' }),
    alice.receivesReport('delivered'),
    alice.hasNothingElse(),
  ])

  play('a throttled message is sent again, and delivered', ({ alice, smsc, gateway }) => [
    alice.sends({ to: 'tel:+99912013', text: 'wait' }),
    alice.receivesReport('delivered'),
    smsc.hasTaken(2, '99912013'),
    gateway.counts('causeway_retries_total', { service: 'sms' }),
  ])

  play('what is accepted while the centre is down is delivered when it is up', ({ alice, smsc }) => [
    smsc.goesDown(),
    alice.sends({ to: 'tel:+12065551004', text: 'later' }),
    smsc.comesUp(),
    smsc.receives({ to: '12065551004', text: 'later' }),
    alice.receivesReport('delivered'),
  ])

  play('an answer lost with the link: the message is sent again, and reported once', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+99913014', text: 'cut' }),
    alice.receivesReport('delivered'),
    smsc.hasTaken(2, '99913014'),
    alice.hasNothingElse(),
  ])

  play('a receipt before the answer belongs to the message all the same', ({ alice }) => [
    alice.sends({ to: 'tel:+99914005', text: 'early' }),
    alice.receivesReport('delivered'),
  ])

  play('a receipt that comes twice, or contradicts, is told once', ({ alice }) => [
    alice.sends({ to: 'tel:+99915009', text: 'twice' }),
    alice.receivesReport('delivered'),
    alice.sends({ to: 'tel:+99916016', text: 'contradiction' }),
    alice.receivesReport('delivered'),
    alice.hasNothingElse(),
  ])

  play('IWF-MSG-02 IWF-11 CONV-06 CONV-08 the answer of a handset joins the conversation', ({ alice, smsc }) => [
    alice.sends({
      to: 'tel:+12065551005',
      text: 'question',
      headers: [
        ['Conversation-ID', '0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11'],
        ['Contribution-ID', '5c5a3a6e-97a0-4f7d-8c3e-6d5b6f1c2d22'],
      ],
    }),
    alice.receivesReport('delivered'),
    smsc.handsetWrites({ from: '+12065551005', to: `+${NUMBER_OF.alice}`, text: 'answer' }),
    alice.receives('answer', ({ request }) => {
      expect(header(request, 'Non-CPM-Service')).toBe('sms')
      expect(header(request, 'Conversation-ID')).toBe('0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11')
      expect(header(request, 'InReplyTo-Contribution-ID')).toBe('5c5a3a6e-97a0-4f7d-8c3e-6d5b6f1c2d22')
    }),
  ])

  play('FN-02 IWF-MSG-01 IWF-MSG-02 long text with emoji goes both ways whole', ({ alice, smsc }) => {
    const text = 'Ünïcode 👩‍🚀 und mehr '.repeat(12)
    return [
      alice.sends({ to: 'tel:+12065551006', text }),
      alice.receivesReport('delivered'),
      smsc.handsetWrites({ from: '+12065551006', to: `+${NUMBER_OF.alice}`, text }),
      alice.receives(text),
    ]
  })
})

stage('an answer that comes too late', { account, policies: { uncertainWait: '20s' } }, (play) => {
  play('uncertain, then the late answer and the receipt settle it without a second attempt', ({ alice, smsc }) => [
    smsc.does((centre) => centre.change({ answerDelayMs: 1_000 })),
    alice.sends({ to: 'tel:+12065552001', text: 'slowly' }),
    alice.receivesReport('delivered'),
    smsc.hasTaken(1, '12065552001'),
  ])
})
