import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LogLine, run } from '../../../scripts/rig/program.js'

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'clients.py')
/** Debian's, which knows Debian's packages. */
const PYTHON = '/usr/bin/python3'

/** A stanza as slixmpp read it. */
export interface Stanza {
  readonly event: string
  readonly type: string
  readonly id: string
  readonly from: string
  readonly body: string
  readonly xml: string
}

/** An XMPP user on slixmpp. */
export interface XmppUser {
  /** Bare JID. */
  readonly jid: string
  do(what: string, order: Readonly<Record<string, unknown>>): void
  /** Takes the next stanza that fits. */
  next(what: string, fits: (stanza: Stanza) => boolean): Promise<Stanza>
  /** What has not been taken. */
  rest(): readonly Stanza[]
}

export interface XmppUsers<Name extends string> {
  readonly users: Readonly<Record<Name, XmppUser>>
  close(): Promise<void>
}

/** Logs users in over a connection without TLS. */
export async function startUsers<Name extends string>(
  server: { readonly port: number; readonly domain: string },
  names: readonly Name[],
): Promise<XmppUsers<Name>> {
  const program = run(PYTHON, [SCRIPT, '127.0.0.1', String(server.port), server.domain, ...names])
  const next = (what: string, fits: (line: LogLine) => boolean) =>
    program.log.next(what, fits, 15_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${program.tail()}`)
    })
  for (const name of names) await next(`${name} is logged in`, (line) => line.event === 'ready' && line.user === name)
  const users = names.map((name): [Name, XmppUser] => [
    name,
    {
      jid: `${name}@${server.domain}`,
      do: (what, order) => program.write(JSON.stringify({ ...order, user: name, do: what })),
      next: async (what, fits) =>
        (await next(
          `${name}: ${what}`,
          (line) => line.user === name && fits(line as unknown as Stanza),
        )) as unknown as Stanza,
      rest: () => program.log.items.filter((line) => line.user === name) as unknown as readonly Stanza[],
    },
  ])
  return { users: Object.fromEntries(users) as Record<Name, XmppUser>, close: () => program.end('SIGKILL') }
}
