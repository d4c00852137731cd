import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** An option that is a certificate or key: PEM text as it is, anything else is the name of a file; its text after parsing. */
export const pem = () =>
  z.string().transform((value, context) => {
    if (value.includes('-----BEGIN')) return value
    try {
      const text = readFileSync(value, 'utf8')
      if (text.includes('-----BEGIN')) return text
    } catch {}
    context.addIssue({ code: 'custom', message: 'expected PEM text, or a readable file of it', input: value })
    return z.NEVER
  })
