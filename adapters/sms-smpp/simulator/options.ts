import { z } from 'zod'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const ratio = () => z.coerce.number().min(0).max(1)
const count = () => z.coerce.number().int().min(0).max(1_000_000_000)

/** Settings of a simulated message centre; on the command line each is `--key value`. */
export const smscOptionsSchema = z.strictObject({
  host: describe(z.string().default('127.0.0.1'), 'Address to listen on.'),
  port: describe(z.coerce.number().int().min(0).max(65_535).default(0), 'Port; 0 lets the system choose.'),
  cert: describe(z.string().optional(), 'Certificate (PEM); with key it makes the centre speak TLS.'),
  key: describe(z.string().optional(), 'Key of the certificate (PEM).'),
  systemId: describe(z.string().optional(), 'The only system_id that may bind; default: anybody.'),
  password: describe(z.string().optional(), 'Password wanted at bind; default: any.'),
  version: describe(z.enum(['none', '3.4', '5.0']).default('3.4'), 'sc_interface_version of the bind answer.'),
  ids: describe(
    z.enum(['decimal', 'hex', 'respHex-receiptDec', 'respDec-receiptHex', 'uuid']).default('decimal'),
    'Form of message ids in answers and in receipts.',
  ),
  firstId: describe(count().default(1), 'Number of the first message id; the command starts from the clock.'),
  receipts: describe(
    z.enum(['text', 'tlv', 'both']).default('both'),
    'Where a receipt says what it says: the text of the standard, parameters, or both.',
  ),
  receiptDelayMs: describe(count().default(0), 'Time between the answer and the receipt, ms.'),
  receiptLoss: describe(ratio().default(0), 'Share of receipts that never come.'),
  receiptTwice: describe(ratio().default(0), 'Share of receipts that come twice.'),
  receiptShuffle: describe(ratio().default(0), 'Share of receipts held back until the next one has gone.'),
  receiptElsewhere: describe(
    z.stringbool().or(z.boolean()).default(false),
    'Receipts go over another link of the account than the message came by, where there is one.',
  ),
  answerDelayMs: describe(count().default(0), 'Time before a message is answered, ms.'),
  throttleAbove: describe(count().default(0), 'Messages per second above which it throttles; 0: never.'),
  windowLimit: describe(count().default(0), 'Unanswered messages on a link above which it throttles; 0: never.'),
  cutAfter: describe(count().default(0), 'Messages after which the connection breaks without a word; 0: never.'),
  reply: describe(
    z.string().max(1000).optional(),
    'Handsets answer each message with this text; $text stands for what they got.',
  ),
  keep: describe(count().default(1000), 'Messages kept for inspection.'),
})

export type SmscSettings = z.infer<typeof smscOptionsSchema>
/** What a test gives; everything has a default. */
export type SmscOptions = z.input<typeof smscOptionsSchema>
