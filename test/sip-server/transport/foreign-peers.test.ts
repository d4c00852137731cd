import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { parseListenAddress } from '../../../gateway/sip-server/transport/listen-address.js'
import { newAuthority } from '../support/certificates.js'
import { type ControlPeer, taken } from '../support/control-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, requestText } from '../support/sip-text.js'

const run = promisify(execFile)
const scenario = fileURLToPath(new URL('scenarios/message.xml', import.meta.url))
const CALLS = 200

let harness: Harness | undefined
let folder = ''
let child: ChildProcess | undefined
afterEach(async () => {
  child?.kill()
  child = undefined
  await harness?.stop()
  harness = undefined
  if (folder !== '') await rm(folder, { recursive: true, force: true })
  folder = ''
})

/** Answers every request with 200. */
async function answerAll(client: ControlPeer, count: number): Promise<string> {
  let last = ''
  for (let answered = 0; answered < count; ) {
    const { tokens, message } = taken(await client.receive())
    if (tokens[1] !== 'sip') continue
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    last = message
    answered++
  }
  return last
}

describe('sipp', () => {
  const MODES: [string, string, string, string][] = [
    ['UDP', 'u1', 'udp:127.0.0.1:0', '127.0.0.1'],
    ['TCP', 't1', 'tcp:127.0.0.1:0', '127.0.0.1'],
    ['a TCP connection for each call', 'tn', 'tcp:127.0.0.1:0', '127.0.0.1'],
    ['UDP over IPv6', 'u1', 'udp:[::1]:0', '::1'],
    ['TCP over IPv6', 't1', 'tcp:[::1]:0', '::1'],
  ]
  it.each(MODES)('sends MESSAGEs by %s and has all of them answered', async (_name, mode, listen, host) => {
    folder = await mkdtemp(join(tmpdir(), 'sipp-'))
    harness = await startHarness({ listen: [listen] })
    const { port } = parseListenAddress(harness.server.listening[0] ?? '')
    const client = await harness.client('message')
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    const parameters = [
      '-t',
      mode,
      '-i',
      host,
      '-m',
      String(CALLS),
      '-r',
      '400',
      '-nostdin',
      '-timeout',
      '20s',
      '-max_socket',
      '1000',
    ]
    const [last] = await Promise.all([
      answerAll(client, CALLS),
      run('sipp', [target, '-sf', scenario, ...parameters], { cwd: folder }),
    ])
    expect(headerOf(last, 'Via')).toContain(`received=${host}`)
    expect((await harness.server.stats()).responsesOut).toMatchObject({ '2xx': CALLS, '4xx': 0, '5xx': 0 })
  })
})

describe('openssl', () => {
  it('speaks TLS to the server, shows a certificate and gets its answer', async () => {
    const authority = newAuthority()
    const own = authority.issue('IP:127.0.0.1')
    const peer = authority.issue('DNS:peer.example')
    authority.close()
    folder = await mkdtemp(join(tmpdir(), 'openssl-'))
    const files = { 'ca.pem': authority.ca, 'cert.pem': peer.cert, 'key.pem': peer.key }
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const tls = { ...own, ca: authority.ca, clientCertificates: 'required' as const }
    harness = await startHarness({ listen: ['tls:127.0.0.1:0'], tls })
    const { port } = parseListenAddress(harness.server.listening[0] ?? '')
    const client = await harness.client('options')
    const parameters = ['-quiet', '-verify_return_error', '-CAfile', 'ca.pem', '-cert', 'cert.pem', '-key', 'key.pem']
    const openssl = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...parameters], { cwd: folder })
    child = openssl
    const said = new Promise<string>((resolve) => openssl.stdout.once('data', (chunk) => resolve(String(chunk))))
    openssl.stdin.write(requestText(5061, { method: 'OPTIONS', body: '' }).replace('/UDP', '/TLS'))
    await answerAll(client, 1)
    expect(await said).toMatch(/^SIP\/2.0 200 OK\r\n/)
  })
})
