/**
 * Adapter configuration for a message centre on loopback that takes all we have. Timers are short, so that a test of
 * failures does not wait for what a network needs.
 */
export function smsAdapter(
  port: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    module: 'sms-smpp',
    binds: [
      {
        host: '127.0.0.1',
        port,
        systemId: 'causeway',
        password: 'secret',
        rate: 'unlimited',
        window: 100,
        backoff: { first: '100ms', max: '1s' },
        timers: { request: '5s', connect: '2s', bind: '2s' },
        ...more,
      },
    ],
  }
}
