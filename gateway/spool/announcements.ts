import type { Logger } from 'pino'
import type { RedisHandle } from './redis.js'

/** Words from node to node that nobody needs to hear twice, nor at all: what they are about lies in the store. */
export interface Announcements {
  /** Tells the listeners of this node at once, and those of the others soon. Never throws. */
  tell(topic: string, text: string): void
  on(topic: string, listener: (text: string) => void): void
}

/** Announcements over Redis publish and subscribe. */
export async function createAnnouncements(
  redis: RedisHandle,
  node: string,
  log: Logger,
): Promise<Announcements & { stop(): void }> {
  const channel = `${redis.prefix}:announcements`
  const listeners = new Map<string, ((text: string) => void)[]>()
  const heard = (topic: string, text: string) => {
    for (const listener of listeners.get(topic) ?? []) listener(text)
  }
  const connection = redis.duplicate('blocking')
  connection.on('message', (_channel: string, message: string) => {
    const [from = '', topic = '', text = ''] = message.split('\n', 3)
    if (from !== node) heard(topic, text)
  })
  await connection.subscribe(channel)

  return {
    tell(topic, text) {
      heard(topic, text)
      redis.command
        .publish(channel, [node, topic, text].join('\n'))
        .catch((error: unknown) => log.debug({ err: error }, 'the other nodes were not told'))
    },
    on(topic, listener) {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener])
    },
    stop: () => connection.disconnect(),
  }
}
