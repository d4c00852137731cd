import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../scripts/rig/ports.js'
import { type Program, run } from '../../../scripts/rig/program.js'
import { listening } from './listening.js'
import type { PeerServer } from './peer-server.js'

/** Debian's ejabberd, with a room service, an upload service and a place for our component; no other Erlang node can reach it. */
export async function ejabberd(users: readonly string[]): Promise<PeerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-ejabberd-'))
  const domain = 'xmpp.example'
  const [c2s, component, http] = [await freePort(), await freePort(), await freePort()]
  const file = join(folder, 'ejabberd.yml')
  mkdirSync(join(folder, 'mnesia'))
  writeFileSync(
    file,
    `hosts: ["${domain}"]
loglevel: warning
listen:
  - {port: ${c2s}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: false, access: all}
  - {port: ${component}, ip: "127.0.0.1", module: ejabberd_service, access: all, hosts: {"cpm.${domain}": {password: "secret"}}}
  - {port: ${http}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {"/upload": mod_http_upload}}
auth_method: internal
modules:
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
  mod_offline: {}
  mod_http_upload: {host: "upload.${domain}", put_url: "http://127.0.0.1:${http}/upload", docroot: "${join(folder, 'upload')}", access: all}
  mod_muc: {host: "rooms.${domain}", access: all, access_create: all, default_room_options: {allow_change_subj: true, public: true}}
`,
  )
  const registered = users.map((user) => `ejabberd_auth:try_register(<<"${user}">>, <<"${domain}">>, <<"secret">>)`)
  const start = `{ok, _} = application:ensure_all_started(ejabberd), ${registered.join(', ')}, io:format("ready~n").`
  let program: Program | undefined
  return {
    domain,
    rooms: `rooms.${domain}`,
    upload: `upload.${domain}`,
    c2s,
    component,
    async start() {
      program = run(
        'erl',
        ['-noinput', '-pa', ...libraries(), '-mnesia', 'dir', JSON.stringify(join(folder, 'mnesia')), '-eval', start],
        {
          cwd: folder,
          env: {
            EJABBERD_CONFIG_PATH: file,
            EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'),
            SPOOL_DIR: join(folder, 'mnesia'),
            ERL_CRASH_DUMP: '/dev/null',
          },
          keeps: (line) => line.event === 'ready',
        },
      )
      const { gone, tail } = program
      await Promise.race([
        program.log.next('ejabberd is ready', () => true, 40_000),
        gone.then((code) => Promise.reject(new Error(`ejabberd ended with ${code}:\n${tail()}`))),
      ])
      await Promise.all([listening(c2s, gone, tail), listening(component, gone, tail), listening(http, gone, tail)])
    },
    end: async (signal) => program?.end(signal),
    async close() {
      await program?.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Where Debian has put its code: /usr/lib/<machine>/ejabberd-<version>/ebin. */
const libraries = (): readonly string[] =>
  readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-'))
    .flatMap(({ name }) => readdirSync(join('/usr/lib', name)).map((library) => join('/usr/lib', name, library)))
    .filter((path) => /\/ejabberd-[\d.-]+$/.test(path))
    .map((path) => join(path, 'ebin'))
