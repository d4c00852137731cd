/**
 * Adapter configuration for an MMSC on loopback, `inbound` being the port where it reaches us. Timers are short, so that a
 * test of failures does not wait for what a network needs.
 */
export function mmsAdapter(
  mmscPort: number,
  inbound: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    module: 'mms-mm7',
    accounts: [
      {
        name: 'mmsc',
        url: `http://127.0.0.1:${mmscPort}/mm7`,
        rate: 'unlimited',
        window: 32,
        timers: { connect: '2s', request: '5s', probe: '1s', retryFirst: '100ms', retryMax: '1s' },
      },
    ],
    inbound: { listen: `127.0.0.1:${inbound}` },
    ...more,
  }
}

/** Where the MMSC reaches a gateway configured so. */
export const inboundUrl = (inbound: number): string => `http://127.0.0.1:${inbound}/mm7`
