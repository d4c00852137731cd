import type { FastifyInstance, FastifyReply } from 'fastify'
import type { MessageName, Recall, Recalled } from '../interworking/recall.js'
import type { Trace } from '../observe/trace.js'

export interface MessageAdministration {
  readonly recall: Recall
  readonly trace: Pick<Trace, 'read'>
}

/** HTTP status of each outcome. */
const STATUS: Readonly<Record<Recalled['outcome'], number>> = {
  done: 200,
  unknown: 404,
  'too-late': 409,
  refused: 409,
  'under-way': 409,
  unavailable: 503,
}

const TEXT = 'text/plain;charset=utf-8'
const MAX_TEXT = 10_000

interface Named {
  readonly Params: { readonly id: string }
  readonly Querystring: { readonly from?: string; readonly to?: string }
}

const address = { type: 'string', minLength: 1, maxLength: 320 }
const named = {
  params: { type: 'object', properties: { id: { type: 'string', minLength: 1, maxLength: 256 } } },
  querystring: { type: 'object', properties: { from: address, to: address } },
}

/**
 * Messages on their way to services, by their Message-ID: `DELETE /messages/ID` takes one back, `PUT` with `{"text": …}` changes what it
 * says. `from` names its originator where the message trace does not, `to` the recipient of one of several copies.
 */
export function messageRoutes(admin: FastifyInstance, { recall, trace }: MessageAdministration): void {
  /** Senders of messages with this identity, as the trace knows them. */
  async function sendersOf(id: string): Promise<readonly string[]> {
    const received = (await trace.read(id)).filter(({ what, messageId }) => what === 'received' && messageId === id)
    return [...new Set(received.flatMap(({ peer }) => /^device (\S+)$/.exec(peer ?? '')?.[1] ?? []))]
  }

  async function answer(
    { id, from, to }: Named['Params'] & Named['Querystring'],
    reply: FastifyReply,
    act: (name: MessageName) => Promise<Recalled>,
  ): Promise<FastifyReply> {
    const [sender, another] = from === undefined ? await sendersOf(id) : [from]
    if (sender === undefined)
      return reply.code(404).send({ error: 'the trace does not know it (any more): name its sender by from' })
    if (another !== undefined)
      return reply.code(409).send({ error: 'several senders have used this identity: name one by from' })
    const recalled = await act({ messageId: id, from: sender, ...(to === undefined ? {} : { to }) })
    const status = STATUS[recalled.outcome]
    return reply
      .code(status)
      .send(status < 300 ? recalled : { error: `${recalled.outcome}: ${recalled.said}`, ...recalled })
  }

  admin.delete<Named>('/messages/:id', { schema: named }, ({ params, query }, reply) =>
    answer({ ...params, ...query }, reply, recall.cancel),
  )
  admin.put<Named & { Body: { text: string } }>(
    '/messages/:id',
    {
      schema: {
        ...named,
        body: {
          type: 'object',
          required: ['text'],
          additionalProperties: false,
          properties: { text: { type: 'string', minLength: 1, maxLength: MAX_TEXT } },
        },
      },
    },
    ({ params, query, body }, reply) =>
      answer({ ...params, ...query }, reply, (name) => recall.replace(name, { type: TEXT, text: body.text })),
  )
}
