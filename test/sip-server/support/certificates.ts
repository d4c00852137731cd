import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  /** A certificate for alternative names such as `DNS:a.example`, `IP:127.0.0.1`, `URI:sip:a.example`. */
  issue(...names: readonly string[]): Certificate
  /** Files for programs that want them; gone after `close`. */
  readonly folder: string
  close(): void
}

/** An authority made for one test, by the openssl program. */
export function newAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'sip-ca-'))
  const openssl = (...parameters: string[]) => execFileSync('openssl', parameters, { cwd: folder, stdio: 'pipe' })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test', '-days', '2')
  let serial = 0
  return {
    ca: read('ca.pem'),
    folder,
    issue: (...names) => {
      const name = `peer${++serial}`
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names.join(',')}\n`)
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(serial), '-days', '2']
      openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', `${name}.pem`)
      return { cert: read(`${name}.pem`), key: read(`${name}.key`) }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
