import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { freePort, tcpFree } from '../../scripts/rig/ports.js'
import { type LogLine, run } from '../../scripts/rig/program.js'

/** Where Debian has its modules. */
const MODULES = '/usr/lib/baresip/modules'
/** No module of sound: it writes, and is there or not. Texts are shown by `stdio`; contacts come before those who look at them. */
const APPS = ['stdio', 'ctrl_tcp', 'account', 'contact', 'menu']
const WITHIN_MS = 15_000

export interface BaresipOptions {
  readonly server: { readonly host: string; readonly port: number }
  readonly transport?: 'udp' | 'tcp'
  readonly domain: string
  readonly user: string
  readonly password: string
  /** Addresses it can write to; with `;presence=p2p` after one, it watches him. */
  readonly contacts?: readonly string[]
  /** Further modules, such as `presence`. */
  readonly modules?: readonly string[]
  /** Further parameters of the account, such as `;pubint=60`. */
  readonly account?: string
}

/** A text that came in. */
export interface BaresipText {
  readonly from: string
  readonly text: string
}

/** Debian's baresip as the device of a user: it knows MESSAGE with plain text, and neither CPIM nor IMDN. */
export interface Baresip {
  readonly texts: Inbox<BaresipText>
  /** Events of its control connection: `type` is `REGISTER_OK`, `REGISTER_FAIL` … */
  readonly events: Inbox<LogLine>
  /** Waits for the answer to its REGISTER. */
  registered(): Promise<void>
  /** Gives one command of `/help`; resolves with what it prints. */
  command(command: string, params?: string): Promise<string>
  /** Sends a text to one of its contacts. */
  message(contact: string, text: string): Promise<void>
  /** All that it has printed lately. */
  tail(): string
  close(): Promise<void>
}

/** Starts one with a folder and ports of its own; it registers at once. */
export async function startBaresip(options: BaresipOptions): Promise<Baresip> {
  const { server, domain, user, password, transport = 'udp' } = options
  const folder = mkdtempSync(join(tmpdir(), 'causeway-baresip-'))
  const [sip, control] = [await freePort(), await freePort()]
  const apps = [...APPS, ...(options.modules ?? [])].map((name) => `module_app ${name}.so`)
  writeFileSync(
    join(folder, 'config'),
    [
      `sip_listen 127.0.0.1:${sip}`,
      `module_path ${MODULES}`,
      ...apps,
      `ctrl_tcp_listen 127.0.0.1:${control}`,
      'net_interface 127.0.0.1',
      '',
    ].join('\n'),
  )
  const route = `sip:${server.host}:${server.port};transport=${transport}`
  const account = `<sip:${user}@${domain}>;auth_user=${user};auth_pass=${password};outbound="${route}";regint=600`
  writeFileSync(join(folder, 'accounts'), `${account}${options.account ?? ''}\n`)
  const contacts = (options.contacts ?? []).map((uri, index) => {
    const [address, ...parameters] = uri.split(';')
    return `"c${index}" <${address}>${parameters.map((each) => `;${each}`).join('')}\n`
  })
  writeFileSync(join(folder, 'contacts'), contacts.join(''))

  const texts = inbox<BaresipText>((text) => JSON.stringify(text))
  const events = inbox<LogLine>((event) => JSON.stringify(event))
  const read = textReader((text) => texts.push(text))
  const program = run('baresip', ['-f', folder], { keeps: () => false, onLine: read })
  const ended = program.gone.then((code) => {
    throw new Error(`baresip ended with ${code}:\n${program.tail()}`)
  })
  ended.catch(() => undefined)
  while (await Promise.race([tcpFree(control), ended])) await new Promise((resolve) => setTimeout(resolve, 20))
  const answers = inbox<LogLine>((line) => JSON.stringify(line))
  const socket = controlConnection(control, (line) => ('event' in line ? events : answers).push(line))
  let tokens = 0

  async function command(name: string, params = ''): Promise<string> {
    const token = String(tokens++)
    const order = JSON.stringify({ command: name, params, token })
    socket.write(`${Buffer.byteLength(order)}:${order},`)
    const answer = await answers.next(`answer to ${name}`, (line) => line.token === token, WITHIN_MS)
    if (answer.ok !== true) throw new Error(`baresip: ${name} ${params}: ${String(answer.data)}`)
    return String(answer.data)
  }

  /** One contact is the current one: it is sought from the first on. */
  async function choose(contact: string): Promise<void> {
    for (const _ of contacts) await command('contact_prev')
    let current = await command('contact_prev')
    for (const _ of contacts) {
      if (current.includes(`<${contact}>`)) return
      current = await command('contact_next')
    }
    throw new Error(`baresip has no contact ${contact}`)
  }

  return {
    texts,
    events,
    async registered() {
      // It begins before anybody can listen.
      if (/OK .*Expires/.test(await command('reginfo'))) return
      const { type, param } = await events.next(
        'answer to REGISTER',
        ({ type }) => type === 'REGISTER_OK' || type === 'REGISTER_FAIL',
        WITHIN_MS,
      )
      if (type !== 'REGISTER_OK') throw new Error(`baresip is not registered: ${String(param)}`)
    },
    command,
    async message(contact, text) {
      await choose(contact)
      await command('message', text)
    },
    tail: program.tail,
    async close() {
      socket.destroy()
      await program.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** It prints `address: "text"`, over as many lines as the text has. */
function textReader(came: (text: BaresipText) => void): (line: string) => void {
  let begun: { from: string; lines: string[] } | undefined
  return (line) => {
    const [, from, first] = /^\r?(?:"[^"]*" )?<?((?:sips?|tel):[^\s>"]+)>?: "(.*)$/.exec(line) ?? []
    if (from !== undefined && first !== undefined) begun = { from, lines: [first] }
    else begun?.lines.push(line)
    if (begun === undefined || !begun.lines.at(-1)?.endsWith('"')) return
    came({ from: begun.from, text: begun.lines.join('\n').slice(0, -1) })
    begun = undefined
  }
}

/** Its control connection: netstrings of JSON. */
function controlConnection(port: number, came: (line: LogLine) => void): Socket {
  const socket = connect({ host: '127.0.0.1', port })
  let rest = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.on('data', (octets: Buffer) => {
    rest = Buffer.concat([rest, octets])
    for (;;) {
      const colon = rest.indexOf(':')
      const length = Number(rest.subarray(0, Math.max(colon, 0)).toString())
      if (colon < 0 || rest.length < colon + length + 2) return
      came(JSON.parse(rest.subarray(colon + 1, colon + 1 + length).toString()) as LogLine)
      rest = rest.subarray(colon + length + 2)
    }
  })
  return socket
}
