const CSEQ = /^\d{1,32}[ \t]+\S+$/

/** The method in the value of CSeq (RFC 3261 §20.16); undefined when it is malformed. */
export function cseqMethod(value: string): string | undefined {
  return CSEQ.test(value) ? value.slice(Math.max(value.lastIndexOf(' '), value.lastIndexOf('\t')) + 1) : undefined
}
