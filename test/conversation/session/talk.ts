import type { SessionAgent } from '../../../scripts/rig/session-agent.js'
import { features, SESSION, type SessionStage } from './stage.js'

export const BOB = 'sip:bob@cpm.example'
export const ICSI: [string, string] = ['P-Preferred-Service', SESSION]
export const AUDIO = ['m=audio 4000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000']
export const VIDEO = ['m=video 4002 RTP/AVP 31']

export const invited = (agent: SessionAgent) => agent.calls.next('INVITE', () => true)
export const kinds = (sdp: string) =>
  [...sdp.matchAll(/^m=(\w+) (\d+)/gm)].map(([, kind, port]) => `${kind} ${port === '0' ? 'no' : 'yes'}`)
export const audio = (port = 4000): string =>
  ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 0`, ''].join(
    '\r\n',
  )

/** Alice and Bob talk, whatever is between them. */
export async function talk(stage: SessionStage, offer: string, answer: string, headers: [string, string][] = [ICSI]) {
  const alice = await stage.device('alice')
  const bob = await stage.device('bob', features(['session'], ['audio', 'video']))
  const placed = alice.call(BOB, offer, headers)
  const call = await invited(bob)
  call.progress(180)
  await placed.provisionals.next('180', ({ status }) => status === 180)
  const [there, here] = await Promise.all([call.accept(answer), placed.established()])
  return { alice, bob, placed, call, here, there }
}
