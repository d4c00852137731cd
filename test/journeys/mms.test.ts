import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { mediaOf } from '../../adapters/mms-mm7/simulator/index.js'
import { noisePng, picture, SMALL_PICTURE } from '../../scripts/rig/picture.js'
import { header } from '../../scripts/rig/sip-text.js'
import type { Received } from '../../scripts/rig/user-agent.js'
import { bombPng } from '../mms-mm7/adaptation/pictures.js'
import { NUMBER_OF, stage } from './harness.js'
import { showsPicture } from './mmsc-actor.js'

const ALICE = `+${NUMBER_OF.alice}`
const ALL = ['positive-delivery', 'negative-delivery', 'display']
const LONG = 'A text that policy would rather see go as one MMS than as a chain of short messages. '.repeat(5).trim()
/** A message in a transaction of its own, which the MMSC may begin anew. */
const UNANSWERED = {
  from: '+12065557010',
  text: 'no answer to this',
  transactionId: 'unanswered-1',
  sentAt: Date.UTC(2026, 0, 1),
}
const withSmallPicture = ({ request }: Received): void => expect(showsPicture(request.body.toString())).toBe(true)

stage('MMS beside SMS', { mms: { textUpTo: '300B' } }, (play) => {
  play(
    'ISF-01 IWF-MSG-01 IWF-REP-02 a picture leaves as an MMS; retrieved and read come back as notifications',
    ({ alice, mmsc, smsc }) => [
      alice.sends({ to: 'tel:+12065557001', text: 'Grüße ☀', picture: SMALL_PICTURE, report: ALL }),
      mmsc.receives({ from: ALICE, to: '+12065557001', text: 'Grüße ☀', picture: SMALL_PICTURE }),
      alice.receivesReport('delivered'),
      alice.receivesReport('displayed'),
      smsc.hasTaken(0, '12065557001'),
      alice.hasNothingElse(),
    ],
  )

  play('who asks for no read report gets none', ({ alice, mmsc }) => [
    alice.sends({ to: 'tel:+12065557002', text: 'look', picture: SMALL_PICTURE }),
    mmsc.receivesTo('+12065557002', ({ readReply }) => expect(readReply).toBe(false)),
    alice.receivesReport('delivered'),
    alice.hasNothingElse(),
  ])

  play('ISF-01 a short text leaves as an SMS, a long one as an MMS', ({ alice, mmsc, smsc }) => [
    alice.sends({ to: 'tel:+12065557003', text: 'short' }),
    smsc.receives({ to: '12065557003', text: 'short' }),
    alice.receivesReport('delivered'),
    alice.sends({ to: 'tel:+12065557003', text: LONG }),
    mmsc.receives({ from: ALICE, to: '+12065557003', text: LONG }),
    alice.receivesReport('delivered'),
    smsc.hasTaken(1, '12065557003'),
  ])

  play('IW-08 a long text that MMS refuses leaves as an SMS', ({ alice, mmsc, smsc }) => [
    alice.sends({ to: 'tel:+99957017', text: LONG }),
    mmsc.receives({ to: '+99957017', text: LONG }),
    smsc.receives({ to: '99957017' }),
    alice.receivesReport('delivered'),
  ])

  play('IW-08 IW-09 a picture that MMS refuses has nowhere else to go: its sender is told', ({ alice, mmsc, smsc }) => [
    alice.sends({ to: 'tel:+99957103', text: 'look', picture: SMALL_PICTURE }),
    mmsc.receives({ to: '+99957103', picture: SMALL_PICTURE }),
    alice.receivesReport('failed'),
    smsc.hasTaken(0, '99957103'),
  ])

  play(
    'IWF-MSG-02 IWF-11 CONV-06 a picture comes in, and the answer to it joins its conversation',
    ({ alice, mmsc }) => {
      const conversation = randomUUID()
      return [
        alice.sends({
          to: 'tel:+12065557005',
          text: 'show me',
          picture: SMALL_PICTURE,
          headers: [['Conversation-ID', conversation]],
        }),
        mmsc.receives({ to: '+12065557005', picture: SMALL_PICTURE }),
        alice.receivesReport('delivered'),
        mmsc.phoneWrites({ from: '+12065557005', to: ALICE, subject: 'Ünique', text: 'here: ☃' }, SMALL_PICTURE),
        alice.receives(/here: ☃/, (received) => {
          withSmallPicture(received)
          expect(header(received.request, 'Non-CPM-Service')).toBe('mms')
          expect(header(received.request, 'Conversation-ID')).toBe(conversation)
          expect(received.cpim?.headers.get('Subject')).toBe('Ünique')
          expect(received.cpim?.contentType).toMatch(/^multipart\//)
        }),
      ]
    },
  )

  play('a message that comes twice is delivered once', ({ alice, mmsc }) => [
    mmsc.does((centre) => centre.change({ deliverTwice: 1 })),
    mmsc.phoneWrites({ from: '+12065557014', to: ALICE, text: 'once only' }, SMALL_PICTURE),
    mmsc.does((centre) => centre.change({ deliverTwice: 0 })),
    alice.receives(/once only/),
    mmsc.phoneWrites({ from: '+12065557014', to: ALICE, text: 'and then' }),
    alice.receives('and then'),
    alice.hasNothingElse(),
  ])

  play('a text alone comes in as a text alone; for nobody here it is refused', ({ alice, mmsc }) => [
    mmsc.phoneWrites({ from: '+12065557006', to: ALICE, text: 'just words' }),
    alice.receives('just words'),
    mmsc.phoneWrites({ from: '+12065557006', to: '+12065550999', text: 'anybody?' }, undefined, 2003),
  ])

  play('IWF-REP-02 reports by every way: before the answer, twice, rejected, expired, deleted unread', ({ alice }) => [
    alice.sends({ to: 'tel:+99957205', text: 'x', picture: SMALL_PICTURE }),
    alice.receivesReport('delivered'),
    alice.sends({ to: 'tel:+99957209', text: 'x', picture: SMALL_PICTURE }),
    alice.receivesReport('delivered'),
    alice.sends({ to: 'tel:+99957206', text: 'x', picture: SMALL_PICTURE }),
    alice.receivesReport('failed'),
    alice.sends({ to: 'tel:+99957207', text: 'x', picture: SMALL_PICTURE }),
    alice.receivesReport('failed'),
    alice.sends({ to: 'tel:+99957219', text: 'x', picture: SMALL_PICTURE, report: ALL }),
    alice.receivesReport('delivered'),
    alice.hasNothingElse(),
  ])

  play('a service that breaks off, or is unavailable for once, gets the picture in the end', ({ alice, mmsc }) => [
    alice.sends({ to: 'tel:+99957314', text: 'again', picture: SMALL_PICTURE }),
    alice.receivesReport('delivered'),
    mmsc.hasTaken(2, '+99957314'),
    mmsc.does((centre) => centre.decide(() => ({ answer: 'unavailable', once: true, reports: ['Retrieved'] }))),
    alice.sends({ to: 'tel:+12065557013', text: 'later', picture: SMALL_PICTURE }),
    alice.receivesReport('delivered'),
    mmsc.hasTaken(2, '+12065557013'),
  ])

  play('what MMS does not carry is left out, and named', ({ alice, mmsc }) => [
    alice.sends({
      to: 'tel:+12065557008',
      text: 'see file',
      picture: picture('application/pdf', 'plan.pdf', Buffer.from('%PDF-1.4')),
    }),
    mmsc.receives({ to: '+12065557008', text: 'see file\n[plan.pdf was left out]' }),
    alice.receivesReport('delivered'),
  ])

  play('a picture that would unfold to gigabytes goes nowhere; the gateway lives', ({ alice, mmsc, gateway }) => [
    alice.sends({
      to: 'tel:+12065557009',
      text: 'boom',
      picture: picture('image/png', 'bomb.png', bombPng(12_000)),
    }),
    mmsc.receives({ to: '+12065557009', text: 'boom\n[bomb.png was left out]' }),
    gateway.answersReady(),
  ])

  play('FN-08 kill -9 while pictures wait for the MMSC, and reports for the gateway', ({ alice, mmsc, gateway }) => [
    mmsc.goesDown(),
    alice.sends({ to: 'tel:+12065557010', text: 'kept', picture: SMALL_PICTURE }),
    gateway.dies(),
    mmsc.comesUp(),
    mmsc.does((centre) => centre.change({ reportDelayMs: 300 })),
    mmsc.receives({ to: '+12065557010', text: 'kept', picture: SMALL_PICTURE }),
    gateway.counts('causeway_mms_mm7_submits_total', { outcome: 'accepted' }),
    gateway.dies(),
    alice.receivesReport('delivered'),
    mmsc.hasTaken(1, '+12065557010'),
    mmsc.phoneWrites({ from: '+12065557010', to: ALICE, text: 'after all' }, SMALL_PICTURE),
    alice.receives(/after all/, withSmallPicture),
  ])
})

stage(
  'a phone that takes no MMS',
  { mms: { textUpTo: '300B' }, policies: { nextServiceAfterReport: true } },
  (play) => {
    play('IW-08 ISF-01 after the report Unrecognised a long text leaves as an SMS', ({ alice, mmsc, smsc }) => [
      mmsc.does((centre) => centre.decide(() => ({ answer: 1000, reports: ['Unrecognised'] }))),
      alice.sends({ to: 'tel:+12065557011', text: LONG }),
      mmsc.receives({ to: '+12065557011', text: LONG }),
      smsc.receives({ to: '12065557011' }),
      alice.receivesReport('delivered'),
    ])

    play('IW-08 who is nobody in MMS gets a long text as an SMS', ({ alice, mmsc, smsc }) => [
      mmsc.does((centre) => centre.decide(() => ({ answer: 2003, reports: [] }))),
      alice.sends({ to: 'tel:+12065557015', text: LONG }),
      mmsc.receives({ to: '+12065557015', text: LONG }),
      smsc.receives({ to: '12065557015' }),
      alice.receivesReport('delivered'),
    ])
  },
)

stage('a small MMS', { mms: { textUpTo: '300B', options: { maxSize: 20_000 } } }, (play) => {
  play('IWF-MSG-01 a picture too large for MMS is made to fit', ({ alice, mmsc }) => [
    alice.sends({ to: 'tel:+12065557012', text: 'big', picture: noisePng(170) }),
    mmsc.receivesTo('+12065557012', ({ parts, text }) => {
      expect(text).toBe('big')
      expect(mediaOf(parts).map(({ type }) => type.split(';')[0])).toEqual(['image/jpeg'])
      expect(parts.reduce((sum, { octets }) => sum + octets.length, 0)).toBeLessThan(20_000)
    }),
    alice.receivesReport('delivered'),
  ])
})

stage('an MMSC that has not heard the answer', { mms: { textUpTo: '300B' } }, (play) => {
  play('FN-08 a message whose answer went down with the gateway comes again, and once', ({ alice, mmsc, gateway }) => [
    alice.answers(480),
    mmsc.phoneWrites({ ...UNANSWERED, to: ALICE }),
    gateway.dies(),
    mmsc.phoneWrites({ ...UNANSWERED, to: ALICE }),
    alice.answers(200),
    alice.registers(),
    alice.receives('no answer to this'),
    mmsc.phoneWrites({ from: UNANSWERED.from, to: ALICE, text: 'and then' }),
    alice.receives('and then'),
    alice.hasNothingElse(),
  ])
})
