import { z } from 'zod'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const ratio = () => z.coerce.number().min(0).max(1)
const count = () => z.coerce.number().int().min(0).max(1_000_000_000)

/** Settings of a simulated MMSC; on the command line each is `--key value`. */
export const mmscOptionsSchema = z.strictObject({
  host: describe(z.string().default('127.0.0.1'), 'Address to listen on.'),
  port: describe(z.coerce.number().int().min(0).max(65_535).default(0), 'Port; 0 lets the system choose.'),
  path: describe(z.string().startsWith('/').default('/mm7'), 'Path for what the VASP submits.'),
  cert: describe(z.string().optional(), 'Certificate (PEM); with key it makes the centre speak TLS.'),
  key: describe(z.string().optional(), 'Key of the certificate (PEM).'),
  user: describe(z.string().optional(), 'Name the VASP must give (HTTP Basic); default: none is asked for.'),
  password: describe(z.string().default(''), 'Password that belongs to user.'),
  vaspId: describe(
    z.string().optional(),
    'The only VASPID that may submit; default: any. Messages of handsets carry it.',
  ),
  vasp: describe(z.url().optional(), 'Where the VASP takes messages and reports; without it they wait.'),
  vaspUser: describe(z.string().optional(), 'Name we give there (HTTP Basic); default: none.'),
  vaspPassword: describe(z.string().default(''), 'Password that belongs to vaspUser.'),
  version: describe(z.string().default('6.8.0'), 'MM7Version.'),
  namespace: describe(
    z.string().default('http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4'),
    'Namespace of the schema.',
  ),
  prefix: describe(
    z
      .string()
      .regex(/^(\w+:)?$/)
      .default(''),
    'Prefix of our elements, e.g. mm7: (with the colon).',
  ),
  idForm: describe(
    z.enum(['digits', 'brackets', 'host']).default('digits'),
    'Form of message ids in reports: as in the answer, between < and >, or with @host behind.',
  ),
  firstId: describe(count().default(1), 'Number of the first message id; the command starts from the clock.'),
  maxBytes: describe(count().default(0), 'Octets of content above which a message is refused (2004); 0: none.'),
  maxRecipients: describe(
    count().default(0),
    'Recipients of a message above which it is refused (3003); 0: any number.',
  ),
  answerDelayMs: describe(count().default(0), 'Time before a message is answered, ms.'),
  reportDelayMs: describe(count().default(0), 'Time between the answer and the reports, ms.'),
  reportLoss: describe(ratio().default(0), 'Share of reports that never come.'),
  reportTwice: describe(ratio().default(0), 'Share of reports that come twice.'),
  deliverTwice: describe(
    ratio().default(0),
    'Share of messages of handsets that come once more, in the same transaction, though the VASP has taken them.',
  ),
  throttleAbove: describe(count().default(0), 'Messages per second above which it refuses for now (3510); 0: never.'),
  cutAfter: describe(count().default(0), 'Messages after which the connection breaks without a word; 0: never.'),
  retryMs: describe(count().default(500), 'Wait before the VASP is offered a message or report again, ms.'),
  timeoutMs: describe(count().default(10_000), 'Time the VASP has for an answer, ms.'),
  parallel: describe(count().default(10), 'Messages and reports offered to the VASP at once.'),
  reply: describe(
    z.string().max(1000).optional(),
    'Handsets answer each message with this text ($text stands for what they got) and the media they got.',
  ),
  keep: describe(count().default(1000), 'Messages kept for inspection.'),
})

export type MmscSettings = z.infer<typeof mmscOptionsSchema>
/** What a test gives; everything has a default. */
export type MmscOptions = z.input<typeof mmscOptionsSchema>
