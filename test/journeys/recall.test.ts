import { expect } from 'vitest'
import { SMALL_PICTURE } from '../../scripts/rig/picture.js'
import { NUMBER_OF, stage } from './harness.js'

stage('messages taken back and changed', { mms: { textUpTo: '300B' } }, (play) => {
  play('an SMS the centre has not delivered: its sender is told once', ({ alice, gateway, smsc }) => [
    alice.sends({ to: 'tel:+99950008', text: 'not so' }),
    smsc.receives({ to: '99950008', text: 'not so' }),
    gateway.isAsked('PUT', alice, { outcome: 'done', where: 'sms' }, { text: 'but so' }),
    gateway.isAsked('DELETE', alice, { outcome: 'done', where: 'sms' }),
    alice.receivesReport('failed'),
    gateway.isAsked('DELETE', alice, { outcome: 'too-late', where: 'sms' }),
    alice.hasNothingElse(),
    gateway.counts('causeway_recalls_total', { verb: 'cancel', where: 'sms', outcome: 'done' }),
  ])

  play('an MMS the MMSC has not delivered', ({ alice, gateway, mmsc }) => [
    alice.sends({ to: 'tel:+99950108', text: 'look', picture: SMALL_PICTURE }),
    mmsc.receives({ to: '+99950108', picture: SMALL_PICTURE }),
    gateway.isAsked('PUT', alice, { outcome: 'done', where: 'mms' }, { text: 'no picture' }),
    gateway.isAsked('DELETE', alice, { outcome: 'done', where: 'mms' }),
    alice.receivesReport('failed'),
    alice.hasNothingElse(),
  ])

  play('delivered: too late, said clearly', ({ alice, gateway, smsc }) => [
    alice.sends({ to: 'tel:+12065550808', text: 'there' }),
    smsc.receives({ to: '12065550808' }),
    alice.receivesReport('delivered'),
    gateway.isAsked('DELETE', alice, { outcome: 'too-late', where: 'sms', said: 'delivered' }),
  ])
})

const STORE = 'https://m.example/content'

stage(
  'a picture for who has SMS only',
  { http: { content: { url: STORE } }, smsOptions: { unsupportedContent: 'link' } },
  (play) => {
    play('what waits here is taken back or changed, over kill -9 too', ({ alice, gateway, smsc }) => [
      smsc.goesDown(),
      alice.sends({ to: 'tel:+12065550909', text: 'never' }),
      gateway.dies(),
      // What the trace has not written yet dies with the process: the operator names the sender.
      gateway.isAsked('DELETE', alice, { outcome: 'done', where: 'gateway' }, undefined, 'sip:alice@cpm.example'),
      // Who was killed may have had it in his hands.
      alice.receivesReport('failed', 'error'),
      alice.sends({ to: 'tel:+12065550910', text: 'first' }),
      gateway.isAsked('PUT', alice, { outcome: 'done', where: 'gateway' }, { text: 'second' }),
      smsc.comesUp(),
      smsc.receives({ to: '12065550910', text: 'second' }),
      alice.receivesReport('delivered'),
      smsc.hasTaken(0, '12065550909'),
    ])

    play('IWF-MSG-01 he gets a text with a link, which serves it, after kill -9 too', ({ alice, gateway, smsc }) => {
      let link = ''
      const fetched = async (): Promise<Response> => fetch(`${gateway.rig.http}/content${link.slice(STORE.length)}`)
      const showsIt = async () => {
        const answer = await fetched()
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png'])
        expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from(SMALL_PICTURE.octets))
      }
      return [
        alice.sends({ to: 'tel:+12065550707', text: 'look', picture: SMALL_PICTURE }),
        smsc.receives({ from: NUMBER_OF.alice, to: '12065550707' }),
        async () => {
          const text = smsc.smsc().submits.at(-1)?.text ?? ''
          expect(text).toMatch(/^look\nhttps:\/\/m\.example\/content\/[\w-]{24}$/)
          link = text.slice('look\n'.length)
        },
        alice.receivesReport('delivered'),
        showsIt,
        gateway.dies(),
        showsIt,
        async () => {
          link = `${link.slice(0, -1)}${link.endsWith('a') ? 'b' : 'a'}`
          expect((await fetched()).status).toBe(404)
        },
      ]
    })
  },
)
