import { execFileSync } from 'node:child_process'

/** A part as Python's email package reads it. */
export interface PythonPart {
  readonly type: string
  readonly id: string | null
  readonly location: string | null
  readonly name: string | null
  readonly base64: string
}

const SCRIPT = `
import base64, email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.compat32)
def leaf(part):
    return {'type': part.get_content_type(), 'id': part['Content-ID'], 'location': part['Content-Location'],
            'name': part.get_param('name'), 'base64': base64.b64encode(part.get_payload(decode=True)).decode()}
defects = [repr(defect) for part in message.walk() for defect in part.defects]
print(json.dumps({'defects': defects, 'start': message.get_param('start'),
                  'parts': [leaf(part) for part in message.walk() if not part.is_multipart()]}))
`

/** Reads a body by an independent MIME parser (Debian's python3). */
export function readByPython(
  contentType: string,
  body: Buffer,
): { readonly defects: readonly string[]; readonly start: string | null; readonly parts: readonly PythonPart[] } {
  const input = Buffer.concat([Buffer.from(`Content-Type: ${contentType}\r\nMIME-Version: 1.0\r\n\r\n`), body])
  return JSON.parse(execFileSync('python3', ['-c', SCRIPT], { input, encoding: 'utf8' }))
}
