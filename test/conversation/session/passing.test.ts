import { describe, expect, test } from 'vitest'
import type { PhoneDialog } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { openSessionStage } from './stage.js'
import { audio, talk } from './talk.js'

const next = (dialog: PhoneDialog, method: string) =>
  dialog.requests.next(method, ({ request }) => request.method === method)
const sequence = (message: Parameters<typeof header>[0]): number => Number.parseInt(header(message, 'cseq'), 10)

describe('what one side asks of the other within a session', () => {
  test('GRP-ADD-03 GRP-RM-03: a REFER and its answer pass, and a notification that overtakes the answer names the REFER', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    const asking = here.request('REFER', [
      ['Refer-To', '<sip:carol@cpm.example;method=BYE>'],
      ['Require', 'norefersub'],
    ])
    const refer = await next(there, 'REFER')
    expect(header(refer.request, 'Refer-To')).toBe('<sip:carol@cpm.example;method=BYE>')
    expect(header(refer.request, 'Require')).toBe('norefersub')
    const telling = there.request(
      'NOTIFY',
      [
        ['Event', `refer;id=${sequence(refer.request)}`],
        ['Subscription-State', 'terminated;reason=noresource'],
        ['Content-Type', 'message/sipfrag;version=2.0'],
      ],
      'SIP/2.0 403 Forbidden\r\n',
    )
    refer.answer(200, [['Refer-Sub', 'false']])
    const answer = await asking
    expect([answer.status, header(answer, 'Refer-Sub')]).toEqual([200, 'false'])
    const notify = await next(here, 'NOTIFY')
    expect(header(notify.request, 'Event')).toBe(`refer;id=${sequence(answer)}`)
    expect(header(notify.request, 'Subscription-State')).toBe('terminated;reason=noresource')
    expect(notify.request.body.toString()).toBe('SIP/2.0 403 Forbidden\r\n')
    notify.answer(200)
    expect((await telling).status).toBe(200)
    await here.bye()
  })

  test('GRP-REL-05: a refusal passes, and the reason of a BYE', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    const asking = there.request('INFO', [['Content-Type', 'text/plain']], 'anybody?')
    const info = await next(here, 'INFO')
    expect(info.request.body.toString()).toBe('anybody?')
    info.answer(469)
    // drachtio-srf has no name for 469.
    const refused = await asking
    expect([refused.status, refused.startLine]).toEqual([400, 'SIP/2.0 400 Said So'])
    await there.request('BYE', [['Reason', 'SIP;cause=410;text="removed"']])
    const { request } = await next(here, 'BYE')
    expect(header(request, 'Reason')).toBe('SIP;cause=410;text="removed"')
    await stage.nothingLeft()
  })
})
