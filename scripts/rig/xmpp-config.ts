/** Adapter configuration for an XMPP server on loopback; waits are short, as a test wants them. */
export function xmppAdapter(
  port: number,
  domain: string,
  more: Readonly<Record<string, unknown>> = {},
  component: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    module: 'im-xmpp',
    components: [
      {
        port,
        domain,
        secret: 'secret',
        timers: { connect: '2s', answer: '10s', retryFirst: '50ms', retryMax: '500ms' },
        ...component,
      },
    ],
    ...more,
  }
}
