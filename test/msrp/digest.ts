import { digestResponse, formatCredentials, parseChallenges } from '../../gateway/cpm/digest.js'

/** Answers the challenges of a relay, as `leaseRelay` wants it. */
export function digestFor(
  username: string,
  password: string,
): (challenge: string, method: string, uri: string) => string | undefined {
  return (header, method, uri) => {
    const [challenge] = parseChallenges(header)
    if (challenge === undefined) return undefined
    const { realm, nonce, algorithm } = challenge
    const fields = { username, realm, nonce, algorithm, uri, cnonce: '0a4f113b', nc: '00000001' }
    return formatCredentials({ ...fields, response: digestResponse(fields, password, method) })
  }
}
