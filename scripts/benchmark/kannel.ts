import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, tcpFree } from '../rig/ports.js'
import { type Program, run } from '../rig/program.js'
import { usageOf } from '../rig/usage.js'

export type Store = 'file' | 'spool'

export interface KannelResult {
  readonly acceptedPerSecond: number
  readonly deliveredPerSecond: number
  readonly delivered: number
  readonly cpuMsPerMessage: { readonly bearerbox: number; readonly smsbox: number }
  readonly peakBytes: number
}

/** Kannel of Debian between an HTTP client and the message centre, with reports; one fresh pair of processes. */
export async function runKannel(smscPort: number, store: Store, messages: number): Promise<KannelResult> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-kannel-'))
  const reports = await reportCounter()
  const http = await freePort()
  const config = await writeConfig(folder, store, smscPort, http)
  const bearerbox = run('/usr/sbin/bearerbox', ['-v', '4', config])
  let smsbox: Program | undefined
  try {
    await listening(bearerbox)
    smsbox = run('/usr/sbin/smsbox', ['-v', '4', config])
    await bound(http)
    await warm(http, reports, 200)
    const before = { bearerbox: usageOf(bearerbox.pid), smsbox: usageOf(smsbox.pid) }
    const begun = performance.now()
    const wanted = reports.count() + messages
    await push(http, reports.port, messages, 64)
    const acceptedAt = performance.now()
    await reports.reaches(wanted)
    const endedAt = performance.now()
    const after = { bearerbox: usageOf(bearerbox.pid), smsbox: usageOf(smsbox.pid) }
    const delivered = messages - (wanted - reports.count())
    const cpu = (box: 'bearerbox' | 'smsbox'): number =>
      ((after[box].cpuSeconds - before[box].cpuSeconds) * 1000) / messages
    return {
      acceptedPerSecond: messages / ((acceptedAt - begun) / 1000),
      deliveredPerSecond: delivered / ((endedAt - begun) / 1000),
      delivered,
      cpuMsPerMessage: { bearerbox: cpu('bearerbox'), smsbox: cpu('smsbox') },
      peakBytes: after.bearerbox.peak + after.smsbox.peak,
    }
  } finally {
    await smsbox?.end('SIGKILL')
    await bearerbox.end('SIGKILL')
    reports.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function writeConfig(folder: string, store: Store, smscPort: number, http: number): Promise<string> {
  const [admin, box] = [await freePort(), await freePort()]
  const location = join(folder, store === 'file' ? 'kannel.store' : 'spool')
  if (store === 'spool') mkdirSync(location)
  const file = join(folder, 'kannel.conf')
  writeFileSync(
    file,
    `group = core
admin-port = ${admin}
admin-password = bench
smsbox-port = ${box}
store-type = ${store}
store-location = "${location}"
dlr-storage = internal
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = ${smscPort}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
max-pending-submits = 100

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${http}
max-pending-requests = 2000

group = sendsms-user
username = bench
password = bench
max-messages = 1
concatenation = false
`,
  )
  return file
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Until bearerbox has its ports; it has no way to tell. */
async function listening(bearerbox: Program): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    await pause(100)
    if (usageOf(bearerbox.pid).rss === 0) throw new Error(`bearerbox ended:\n${bearerbox.tail()}`)
  }
}

async function bound(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (!(await tcpFree(port))) return
    await pause(50)
  }
  throw new Error('smsbox does not listen')
}

/** The first messages wait for the bind; they are not measured. */
async function warm(http: number, reports: ReportCounter, messages: number): Promise<void> {
  await push(http, reports.port, messages, 8)
  await reports.reaches(messages)
}

/** Pushes messages over this many kept connections, one request on each at a time. */
async function push(http: number, reportPort: number, messages: number, connections: number): Promise<void> {
  let next = 0
  const request = (): Buffer | undefined => {
    if (next >= messages) return undefined
    const number = next++
    const report = encodeURIComponent(`http://127.0.0.1:${reportPort}/r?n=${number}`)
    const path =
      `/cgi-bin/sendsms?username=bench&password=bench&from=${15550000000 + (number % 1000)}` +
      `&to=${15560000000 + (number % 5000)}&text=bench+message+${number}&dlr-mask=3&dlr-url=${report}`
    return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n`)
  }
  await Promise.all(Array.from({ length: connections }, () => client(http, request)))
}

/** One kept connection. A refused message ends the run: the comparison would not hold. */
function client(port: number, request: () => Buffer | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let input = ''
    const send = (): void => {
      const octets = request()
      if (octets === undefined) socket.end()
      else socket.write(octets)
    }
    socket.setNoDelay(true)
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk) => {
      input += chunk.toString('latin1')
      const head = input.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/content-length: *(\d+)/i.exec(input)?.[1] ?? 0)
      if (input.length < head + 4 + length) return
      if (!input.startsWith('HTTP/1.1 202')) reject(new Error(`Kannel answered ${input.slice(0, 200)}`))
      input = input.slice(head + 4 + length)
      send()
    })
  })
}

interface ReportCounter {
  readonly port: number
  count(): number
  /** When so many have come, or none for 30 s. */
  reaches(count: number): Promise<void>
  close(): void
}

/** Takes Kannel's report callbacks: a bare HTTP server, so that it costs the measurement little. */
async function reportCounter(): Promise<ReportCounter> {
  let count = 0
  let lastAt = performance.now()
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    let input = ''
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      input += chunk.toString('latin1')
      for (let end = input.indexOf('\r\n\r\n'); end >= 0; end = input.indexOf('\r\n\r\n')) {
        input = input.slice(end + 4)
        count++
        lastAt = performance.now()
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    count: () => count,
    async reaches(wanted) {
      lastAt = performance.now()
      while (count < wanted && performance.now() - lastAt < 30_000) await pause(5)
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
