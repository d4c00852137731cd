import { type MsrpClient, openMsrpClient } from './msrp-client.js'
import { openSessionAgent, type PhoneDialog, type SessionAgent } from './session-agent.js'
import { header, type SipText } from './sip-text.js'

/** A registered device that answers every invitation to a group session, and can begin some. */
export interface GroupMember {
  readonly agent: SessionAgent
  /** Begins a session; resolves once somebody has come. */
  begin(target: string, recipients?: readonly string[]): Promise<Talk>
  /** Sessions it is in. */
  readonly talks: readonly Talk[]
  /** Leaves them all. */
  hangUp(): void
  close(): void
}

export interface Talk {
  readonly identity: string
  readonly dialog: PhoneDialog
  readonly client: MsrpClient
}

export interface GroupMemberOptions {
  readonly server: { readonly host: string; readonly port: number }
  readonly domain: string
  readonly user: string
  readonly password: string
  readonly onMessage: (body: string) => void
  readonly onTalk: (talk: Talk) => void
}

const FEATURES = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'
const GROUP: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group']
let paths = 0

const describe = (path: string): string =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=message 9 TCP/MSRP *'],
    ...[`a=path:${path}`, 'a=accept-types:message/cpim', 'a=accept-wrapped-types:*', 'a=setup:active', ''],
  ].join('\r\n')

const newPath = (): string => `msrp://127.0.0.1:9/member${++paths};tcp`

export async function openGroupMember(options: GroupMemberOptions): Promise<GroupMember> {
  const agent = await openSessionAgent(options)
  const registered = await agent.register(FEATURES)
  if (registered.status !== 200) throw new Error(`${options.user}: ${registered.startLine}`)
  const talks: Talk[] = []
  let closed = false

  async function enter(dialog: PhoneDialog, said: SipText, own: string): Promise<Talk> {
    const theirs = /^a=path:(\S+)/m.exec(said.body.toString())?.[1] ?? ''
    const identity = /<([^>]+)>/.exec(header(said, 'contact'))?.[1] ?? ''
    const talk = { identity, dialog, client: await openMsrpClient({ theirs, own, onMessage: options.onMessage }) }
    talks.push(talk)
    options.onTalk(talk)
    return talk
  }

  const listen = async (): Promise<void> => {
    while (!closed) {
      const call = await agent.calls.next('an invitation', () => true, DAY_MS)
      const own = newPath()
      void call.accept(describe(own)).then((dialog) => enter(dialog, call.invite, own))
    }
  }
  void listen().catch(() => undefined)

  return {
    agent,
    talks,
    async begin(target, recipients) {
      const own = newPath()
      const placed = recipients
        ? agent.call(target, withList(describe(own), recipients), [
            ['Content-Type', 'multipart/mixed;boundary=b'],
            ['Require', 'recipient-list-invite'],
            GROUP,
          ])
        : agent.call(target, describe(own), [GROUP])
      const dialog = await placed.established()
      return enter(dialog, dialog.made, own)
    },
    hangUp() {
      for (const { dialog } of talks.splice(0)) void dialog.bye()
    },
    close() {
      closed = true
      for (const { client } of talks) client.close()
      agent.close()
    },
  }
}

const DAY_MS = 86_400_000

function withList(sdp: string, recipients: readonly string[]): string {
  const entries = recipients.map((uri) => `<entry uri="${uri}"/>`).join('')
  const list = `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`
  return [
    ...['--b', 'Content-Type: application/sdp', '', sdp],
    ...['--b', 'Content-Type: application/resource-lists+xml', 'Content-Disposition: recipient-list', '', list],
    ...['--b--', ''],
  ].join('\r\n')
}
