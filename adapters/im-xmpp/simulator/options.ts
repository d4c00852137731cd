import { z } from 'zod'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T

/** Settings of a simulated XMPP server; on the command line each is `--key value`. */
export const serverOptionsSchema = z.strictObject({
  host: describe(z.string().default('127.0.0.1'), 'Address to listen on.'),
  port: describe(z.coerce.number().int().min(0).max(65_535).default(0), 'Port; 0 lets the system choose.'),
  domain: describe(z.string().default('xmpp.example'), 'Domain of its users.'),
  secret: describe(z.string().default('secret'), 'Secret of components.'),
  answerDelayMs: describe(
    z.coerce.number().int().min(0).max(600_000).default(0),
    'Time before a ping is answered, ms.',
  ),
  keep: describe(
    z.coerce.number().int().min(0).max(1_000_000).default(100_000),
    'Messages kept to be looked at; afterwards they are only counted.',
  ),
})

export type ServerOptions = z.input<typeof serverOptionsSchema>
export type ServerSettings = z.output<typeof serverOptionsSchema>
