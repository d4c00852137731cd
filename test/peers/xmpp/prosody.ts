import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../../scripts/rig/gateway.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { type Program, run } from '../../../scripts/rig/program.js'
import { listening } from './listening.js'
import type { PeerServer } from './peer-server.js'

/** Debian's Prosody with what conf/prosody says of our component and its uploads, and a room service. */
export async function prosody(users: readonly string[]): Promise<PeerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-prosody-'))
  const domain = 'xmpp.example'
  const [c2s, component, http] = [await freePort(), await freePort(), await freePort()]
  const accounts = join(folder, 'xmpp%2eexample', 'accounts')
  mkdirSync(accounts, { recursive: true })
  for (const user of users) writeFileSync(join(accounts, `${user}.dat`), 'return { ["password"] = "secret"; };\n')
  const ours = readFileSync(join(ROOT, 'conf/prosody/component.cfg.lua'), 'utf8')
    .replaceAll('example.org', domain)
    .replace('component-secret', 'secret')
    .replace('5347', String(component))
  const file = join(folder, 'prosody.cfg.lua')
  writeFileSync(
    file,
    `run_as_root = true
data_path = "${folder}"
log = { { levels = { min = "warn" }, to = "console" } }
interfaces = { "127.0.0.1" }
c2s_ports = { ${c2s} }
http_ports = { ${http} }
http_interfaces = { "127.0.0.1" }
https_ports = {}
http_default_host = "upload.${domain}"
modules_enabled = { "roster", "saslauth", "disco", "presence", "message", "iq", "c2s", "vcard_legacy", "pep" }
modules_disabled = { "s2s", "posix" }
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
storage = "internal"
${ours}
  http_external_url = "http://127.0.0.1:${http}/"
Component "rooms.${domain}" "muc"
  restrict_room_creation = false
  muc_room_default_public = true
  muc_room_locking = false
`,
  )
  let program: Program | undefined
  return {
    domain,
    rooms: `rooms.${domain}`,
    upload: `upload.${domain}`,
    c2s,
    component,
    async start() {
      program = run('prosody', ['-F', '--config', file], { keeps: () => false })
      const { gone, tail } = program
      await Promise.all([listening(c2s, gone, tail), listening(component, gone, tail), listening(http, gone, tail)])
    },
    end: async (signal) => program?.end(signal),
    async close() {
      await program?.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
