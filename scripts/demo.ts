import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { configSchema } from '../gateway/config/schema.js'
import { CAUSEWAY, ROOT } from './rig/gateway.js'
import { noisePng, textOfContent } from './rig/picture.js'
import { tcpFree, udpFree } from './rig/ports.js'
import { type Program, run } from './rig/program.js'
import { openUserAgent, type Received, type UserAgent } from './rig/user-agent.js'

/**
 * What scripts/start shows: the gateway with sample users, simulated centres of SMS and MMS, and a first message of alice's to a
 * handset, its receipt, and the handset's answer; then the same with a picture. Then it keeps serving until Ctrl-C.
 */
const FILE = 'conf/standalone.yaml'
const HANDSET = 'tel:+12065550123'
const ANSWER = 'Thanks, got it: $text'
const PICTURE = noisePng(24)
const RENEW_MS = 240_000

const config = configSchema.parse(parse(readFileSync(join(ROOT, FILE), 'utf8')))
const sms = config.adapters.sms as { binds?: readonly { host: string; port: number }[] } | undefined
const centre = sms?.binds?.[0] ?? { host: '127.0.0.1', port: 2775 }
const mms = config.adapters.mms as { accounts?: readonly { url: string }[]; inbound?: { listen: string } } | undefined
const mmscUrl = new URL(mms?.accounts?.[0]?.url ?? 'http://127.0.0.1:7007/mm7')
const vaspAddress = mms?.inbound?.listen ?? '127.0.0.1:7008'
const sipPort = Number(config.sip.listen[0]?.split(':').at(-1) ?? 5060)

const say = (line = ''): void => console.log(line)

/** A port that somebody else has would only show as a crash of a child: say it before. */
async function checkPorts(): Promise<void> {
  const busy: string[] = []
  for (const address of config.sip.listen) {
    const [transport = '', host = '', port = ''] = address.split(':')
    const free = transport === 'udp' ? await udpFree(Number(port), host) : await tcpFree(Number(port), host)
    if (!free) busy.push(`${address} (sip.listen)`)
  }
  const others = [
    [config.http.listen, 'http.listen'],
    [`${centre.host}:${centre.port}`, 'the simulated SMSC'],
    [mmscUrl.host, 'the simulated MMSC'],
    [vaspAddress, 'where the MMSC reaches the gateway'],
  ]
  for (const [address = '', what] of others) {
    const [host = '', port = ''] = address.split(':')
    if (!(await tcpFree(Number(port), host))) busy.push(`tcp:${address} (${what})`)
  }
  if (busy.length === 0) return
  say(`Somebody else uses ${busy.join(', ')}.`)
  say(`Stop that program (ss -lntup shows it; it may be another scripts/start), or change the ports in ${FILE}.`)
  process.exit(1)
}

/** Starts a command of causeway; everything it writes goes to a file under var/. */
function causeway(name: string, args: readonly string[]): Program {
  const folder = join(ROOT, config.dataDir)
  mkdirSync(folder, { recursive: true })
  const file = createWriteStream(join(folder, `${name}.log`))
  const program = run(process.execPath, [CAUSEWAY, ...args], {
    cwd: ROOT,
    detached: true, // Ctrl-C is for us: a second signal would end the gateway before it has finished
    keeps: (line) => line.event === 'ready' || line.event === 'listening',
    onLine: (line) => void file.write(`${line}\n`),
  })
  program.gone.then((code) => {
    if (stopping) return
    say(`${name} ended with ${code}:\n${program.tail()}`)
    void stop(1)
  })
  return program
}

let stopping = false
const programs: Program[] = []
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  // The gateway first: what it has under way still gets its answers from the centre.
  for (const program of programs.toReversed()) await program.end('SIGTERM')
  process.exit(code)
}

async function openAlice(): Promise<UserAgent> {
  const alice = await openUserAgent({
    server: { host: '127.0.0.1', port: sipPort },
    domain: config.domain,
    user: 'alice',
    password: config.users.alice?.password ?? '',
  })
  const answer = await alice.register()
  if (answer.status !== 200) throw new Error(`alice could not register: ${answer.startLine}`)
  setInterval(() => void alice.register().catch(() => undefined), RENEW_MS).unref()
  return alice
}

/** The first exchange: message, receipt, answer; returns its Conversation-ID. */
async function firstExchange(alice: UserAgent): Promise<string> {
  const conversation = randomUUID()
  const { answer, messageId } = await alice.say({
    to: HANDSET,
    text: `Hello from CPM 👋 at ${new Date().toISOString().slice(11, 19)}`,
    report: ['positive-delivery', 'negative-delivery'],
    headers: [
      ['Conversation-ID', conversation],
      ['Contribution-ID', randomUUID()],
    ],
  })
  say(`alice's device  MESSAGE to ${HANDSET}: ${answer.startLine}`)
  if (answer.status !== 202) throw new Error('the gateway did not take the message')
  const report = await alice.nextReport(messageId)
  say(`alice's device  notification: ${report.status}`)
  const reply = await alice.nextText('the answer of the handset')
  say(`alice's device  message: ${described(reply)}`)
  return conversation
}

/** The ladder of the exchange; its last step, the answer of alice's device to the handset's message, is noted a little later. */
async function wholeLadder(conversation: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const args = [CAUSEWAY, 'trace', conversation, '--config', FILE]
    const drawn = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    if (/ {2}delivered: 200/.test(drawn) || attempt === 5) return drawn
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** The same with a picture, by the MMSC: it is started only now, so that the first message did not wait for it. */
async function secondExchange(alice: UserAgent): Promise<void> {
  const vasp = `http://${vaspAddress}/mm7`
  const simulator = ['simulate', 'mmsc', '--port', mmscUrl.port, '--vasp', vasp, '--reply', ANSWER]
  programs.unshift(causeway('mmsc', simulator))
  const { answer, messageId } = await alice.say({
    to: HANDSET,
    text: 'A picture 🖼',
    picture: PICTURE,
    report: ['positive-delivery', 'negative-delivery', 'display'],
  })
  say(`alice's device  MESSAGE with a picture of ${PICTURE.octets.length} octets: ${answer.startLine}`)
  if (answer.status !== 202) throw new Error('the gateway did not take the message')
  for (const _ of ['delivered', 'displayed']) {
    say(`alice's device  notification: ${(await alice.nextReport(messageId, 20_000)).status}`)
  }
  say(`alice's device  message: ${described(await alice.nextText('the answer of the phone'))}`)
}

function described({ request, cpim }: Received): string {
  const body = request.body.toString()
  const picture = /^content-type: ?image\/[\w.+-]+/im.exec(body)?.[0].replace(/^.*: ?/, ', with ')
  return `“${textOfContent(body)}”${picture ?? ''} from ${cpim?.headers.get('From') ?? 'somebody'}`
}

function hints(): void {
  const command = 'node dist/gateway/main.js'
  say(`
It keeps serving; Ctrl-C ends it. In another terminal:

  ${command} send --from alice --to ${HANDSET} "How are you?" --wait --config ${FILE}
  ${command} send --from bob --to tel:+99900006 "Will fail" --wait --config ${FILE}   # the last two digits choose the fate
  ${command} send --from alice --to ${HANDSET} "$(seq 250)" --wait --config ${FILE}   # long: leaves as an MMS
  ${command} listen --as bob --config ${FILE}    # and in a third one, while he listens:
  ${command} send --from alice --to sip:bob@${config.domain} "Between CPM users" --wait --config ${FILE}
  ${command} trace MESSAGE-ID --config ${FILE}
  curl http://${config.http.listen}/metrics

Logs: ${config.dataDir}/gateway.log, smsc.log, mmsc.log. Data: ${config.dataDir}/. A real core and a real SMSC: README.md.
`)
}

async function main(): Promise<void> {
  await checkPorts()
  // SIGHUP: the terminal was closed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      say('\nStopping')
      void stop(0)
    })
  }
  const smsc = causeway('smsc', ['simulate', 'smsc', '--port', String(centre.port), '--reply', ANSWER])
  const gateway = causeway('gateway', ['run', '--config', FILE])
  programs.push(smsc, gateway)
  await gateway.log.next('the gateway', (line) => line.event === 'ready', 30_000)
  say(
    `SIP ${config.sip.listen.join(', ')} · HTTP ${config.http.listen} · simulators: SMSC ${centre.host}:${centre.port}, MMSC ${mmscUrl.host}\n`,
  )
  const alice = await openAlice()
  const conversation = await firstExchange(alice)
  say()
  say(await wholeLadder(conversation))
  await secondExchange(alice)
  hints()
  for (;;) {
    const message = await alice.messages.next('anything', () => true, 2 ** 31 - 1)
    say(`alice's device  ${message.imdn ? `notification: ${message.imdn.status}` : `message: ${described(message)}`}`)
  }
}

main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  return stop(1)
})
