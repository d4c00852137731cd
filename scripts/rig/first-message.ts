/** An offer with a message/cpim beside it, as a client writes an INVITE with a first message: its body, and Content-Type. */
export function withFirstMessage(
  sdp: string,
  cpim: string,
): { readonly body: string; readonly type: [string, string] } {
  const part = (type: string, text: string): string => `--first\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`
  const body = `${part('application/sdp', sdp)}${part('message/cpim', cpim.replace(/\r?\n/g, '\r\n'))}--first--\r\n`
  return { body, type: ['Content-Type', 'multipart/mixed;boundary=first'] }
}
