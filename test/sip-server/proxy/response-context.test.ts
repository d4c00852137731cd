import { describe, expect, it } from 'vitest'
import { statusOf } from '../../../gateway/sip-server/proxy/best-response.js'
import {
  MAX_TARGETS,
  type ProxyAction,
  ResponseContext,
  type ResponseContextOptions,
} from '../../../gateway/sip-server/proxy/response-context.js'
import { response } from './messages.js'

/** What is done, in short: `try 0 a`, `cancel 1 elsewhere`, `forward 200`, `done`. */
function say(action: ProxyAction): string {
  switch (action.kind) {
    case 'try':
      return `try ${action.branch} ${action.target.uri.slice(4)}`
    case 'cancel':
      return `cancel ${action.branch} ${action.cause}`
    case 'forward':
      return `forward ${statusOf(action.answer)}`
    case 'done':
      return 'done'
  }
}

/** What happens, in short: `0 180`, `1 302 sip:c sip:d`, `0 fails 408`, `0 unheard`, `0 overdue`, `cancelled`. */
function happens(context: ResponseContext, event: string): ProxyAction[] {
  if (event === 'start') return context.start()
  if (event === 'cancelled') return context.cancelled()
  const [branch = '', what = '', ...more] = event.split(' ')
  const index = Number(branch)
  if (what === 'unheard') return context.unheard(index)
  if (what === 'overdue') return context.overdue(index)
  if (what === 'fails') return context.failed(index, more[0] === '408' ? 408 : 503, 'reason')
  const status = Number(what)
  const message = response(status, ...more.map((uri) => `Contact: <${uri}>`))
  return status < 200 ? context.provisional(index, message, '') : context.final(index, message, '')
}

type Play = readonly (readonly [string, readonly string[]])[]

function plays(options: Partial<ResponseContextOptions>, play: Play): void {
  const context = new ResponseContext({
    invite: true,
    simultaneous: false,
    followRedirects: false,
    breadth: 60,
    targets: ['sip:a', 'sip:b'],
    ...options,
  })
  for (const [event, actions] of play) expect([event, ...happens(context, event).map(say)]).toEqual([event, ...actions])
}

const serial: readonly (readonly [string, Play])[] = [
  [
    'the first answers',
    [
      ['start', ['try 0 a']],
      ['0 100', []],
      ['0 180', ['forward 180']],
      ['0 200', ['done', 'forward 200']],
      ['0 200', ['forward 200']],
    ],
  ],
  [
    'the second answers',
    [
      ['start', ['try 0 a']],
      ['0 486', ['try 1 b']],
      ['1 200', ['done', 'forward 200']],
    ],
  ],
  [
    'nobody does',
    [
      ['start', ['try 0 a']],
      ['0 486', ['try 1 b']],
      ['1 fails 408', ['forward 486', 'done']],
    ],
  ],
  [
    'all are silent',
    [
      ['start', ['try 0 a']],
      ['0 fails 408', ['try 1 b']],
      ['1 fails 408', ['forward 408', 'done']],
    ],
  ],
  [
    'unreachable',
    [
      ['start', ['try 0 a']],
      ['0 fails 503', ['try 1 b']],
      ['1 fails 503', ['forward 500', 'done']],
    ],
  ],
  [
    '6xx ends the search',
    [
      ['start', ['try 0 a']],
      ['0 603', ['forward 603', 'done']],
    ],
  ],
  [
    'the caller cancels',
    [
      ['start', ['try 0 a']],
      ['0 180', ['forward 180']],
      ['cancelled', ['cancel 0 caller']],
      ['0 183', []],
      ['0 487', ['done']],
    ],
  ],
  [
    'the caller cancels, too late for the callee',
    [
      ['start', ['try 0 a']],
      ['cancelled', ['cancel 0 caller']],
      ['0 200', ['done', 'forward 200']],
    ],
  ],
  [
    'the caller cancels twice',
    [
      ['start', ['try 0 a']],
      ['cancelled', ['cancel 0 caller']],
      ['cancelled', ['cancel 0 caller']],
      ['0 fails 408', ['done']],
    ],
  ],
  [
    'no sign of life',
    [
      ['start', ['try 0 a']],
      ['0 unheard', ['cancel 0 timeout', 'try 1 b']],
      ['1 100', []],
      ['1 unheard', []],
      ['0 200', ['cancel 1 elsewhere', 'done', 'forward 200']],
      ['1 487', []],
    ],
  ],
  [
    'no sign of life of the last',
    [
      ['start', ['try 0 a']],
      ['0 486', ['try 1 b']],
      ['1 unheard', ['cancel 1 timeout', 'forward 486', 'done']],
    ],
  ],
  [
    'no final answer in time',
    [
      ['start', ['try 0 a']],
      ['0 180', ['forward 180']],
      ['0 overdue', ['cancel 0 timeout', 'try 1 b']],
      ['0 487', []],
      ['1 486', ['forward 486', 'done']],
    ],
  ],
  [
    'no final answer of the last in time: its end is awaited',
    [
      ['start', ['try 0 a']],
      ['0 404', ['try 1 b']],
      ['1 180', ['forward 180']],
      ['1 overdue', ['cancel 1 timeout']],
      ['1 487', ['forward 404', 'done']],
    ],
  ],
  [
    'a time limit after the end means nothing',
    [
      ['start', ['try 0 a']],
      ['0 200', ['done', 'forward 200']],
      ['0 overdue', []],
      ['0 unheard', []],
    ],
  ],
  [
    'a failure after the end means nothing',
    [
      ['start', ['try 0 a']],
      ['0 200', ['done', 'forward 200']],
      ['0 fails 408', []],
      ['0 486', []],
    ],
  ],
]

const simultaneous: readonly (readonly [string, Play])[] = [
  [
    'the first to answer wins',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['0 180', ['forward 180']],
      ['1 180', ['forward 180']],
      ['1 200', ['cancel 0 elsewhere', 'done', 'forward 200']],
      ['0 487', []],
    ],
  ],
  [
    'both answer: both go to the caller',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['1 200', ['cancel 0 elsewhere', 'done', 'forward 200']],
      ['0 200', ['forward 200']],
    ],
  ],
  [
    'refusals wait for each other',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['0 486', []],
      ['1 404', ['forward 486', 'done']],
    ],
  ],
  [
    '6xx cancels the others and waits for them',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['0 603', ['cancel 1 refused']],
      ['1 180', ['forward 180']],
      ['1 487', ['forward 603', 'done']],
    ],
  ],
  [
    '6xx, and another one answers all the same',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['0 603', ['cancel 1 refused']],
      ['1 200', ['done', 'forward 200']],
    ],
  ],
  [
    'the caller cancels all',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['cancelled', ['cancel 0 caller', 'cancel 1 caller']],
      ['0 487', []],
      ['1 487', ['done']],
    ],
  ],
  [
    'time limits',
    [
      ['start', ['try 0 a', 'try 1 b']],
      ['0 unheard', ['cancel 0 timeout']],
      ['1 overdue', ['cancel 1 timeout', 'forward 408', 'done']],
    ],
  ],
]

const redirected: readonly (readonly [string, Play])[] = [
  [
    'contacts come before the other targets',
    [
      ['start', ['try 0 a']],
      ['0 302 sip:c sip:d', ['try 1 c']],
      ['1 404', ['try 2 d']],
      ['2 404', ['try 3 b']],
      ['3 200', ['done', 'forward 200']],
    ],
  ],
  [
    'nowhere new',
    [
      ['start', ['try 0 a']],
      ['0 302 sip:b sip:a', ['try 1 b']],
      ['1 404', ['forward 302', 'done']],
    ],
  ],
  [
    'in a circle',
    [
      ['start', ['try 0 a']],
      ['0 302 sip:c', ['try 1 c']],
      ['1 302 sip:a sip:c', ['try 2 b']],
      ['2 302 sip:c', ['forward 302', 'done']],
    ],
  ],
  [
    'after a cancel',
    [
      ['start', ['try 0 a']],
      ['cancelled', ['cancel 0 caller']],
      ['0 302 sip:c', ['done']],
    ],
  ],
]

describe('INVITE, one target after the other', () => {
  it.each(serial)('%s', (_what, play) => plays({}, play))
})

describe('INVITE, all targets at once (RFC 3261 §16.7)', () => {
  it.each(simultaneous)('%s', (_what, play) => plays({ simultaneous: true }, play))
})

describe('redirections (RFC 3261 §16.5)', () => {
  it.each(redirected)('%s', (_what, play) => plays({ followRedirects: true }, play))

  it('are answers unless they shall be followed', () => {
    plays({ targets: ['sip:a'] }, [
      ['start', ['try 0 a']],
      ['0 302 sip:c', ['forward 302', 'done']],
    ])
  })

  it('are tried together when forking', () => {
    plays({ followRedirects: true, simultaneous: true, targets: ['sip:a'] }, [
      ['start', ['try 0 a']],
      ['0 302 sip:c sip:d', ['try 1 c', 'try 2 d']],
    ])
  })

  it('make no more branches than allowed, however many contacts come', () => {
    const context = new ResponseContext({
      invite: true,
      simultaneous: true,
      followRedirects: true,
      breadth: 1e9,
      targets: ['sip:t'],
    })
    context.start()
    let open = 1
    for (let branch = 0; branch < open; branch++) {
      const contacts = Array.from({ length: 20 }, (_, index) => `sip:${branch}-${index}`).join(' ')
      open += happens(context, `${branch} 302 ${contacts}`).filter(({ kind }) => kind === 'try').length
    }
    expect(open).toBe(MAX_TARGETS)
  })
})

describe('other requests', () => {
  const other: readonly (readonly [string, boolean, Play])[] = [
    [
      'have no provisional answers',
      false,
      [
        ['start', ['try 0 a']],
        ['0 180', []],
        ['0 200', ['done', 'forward 200']],
      ],
    ],
    [
      'have one answer',
      true,
      [
        ['start', ['try 0 a', 'try 1 b']],
        ['0 200', ['done', 'forward 200']],
        ['1 200', []],
      ],
    ],
    [
      'are not cancelled',
      false,
      [
        ['start', ['try 0 a']],
        ['0 overdue', ['try 1 b']],
        ['1 200', ['done', 'forward 200']],
      ],
    ],
    [
      'get no 408 (RFC 4320 §4.2)',
      false,
      [
        ['start', ['try 0 a']],
        ['0 fails 408', ['try 1 b']],
        ['1 fails 408', ['done']],
      ],
    ],
    [
      'get the refusal there was',
      true,
      [
        ['start', ['try 0 a', 'try 1 b']],
        ['0 404', []],
        ['1 fails 408', ['forward 404', 'done']],
      ],
    ],
  ]
  it.each(other)('%s', (_what, atOnce, play) => plays({ invite: false, simultaneous: atOnce }, play))
})

describe('breadth (RFC 5393 §5)', () => {
  const forked = (breadth: number) =>
    new ResponseContext({
      invite: true,
      simultaneous: true,
      followRedirects: true,
      breadth,
      targets: ['sip:a', 'sip:b', 'sip:c'],
    })
  const shares = (actions: readonly ProxyAction[]) =>
    actions.flatMap((action) => (action.kind === 'try' ? [action.breadth] : []))

  it('is shared by what is tried at once', () => {
    const context = forked(7)
    expect(shares(context.start())).toEqual([2, 2, 2])
    expect(shares(happens(context, '0 302 sip:d sip:e'))).toEqual([1, 1])
  })

  it('lets the rest wait where it does not suffice', () => {
    const context = forked(2)
    expect(context.start().map(say)).toEqual(['try 0 a', 'try 1 b'])
    expect(happens(context, '0 404').map(say)).toEqual(['try 2 c'])
  })

  it('goes to each in full where one is tried after the other', () => {
    const context = new ResponseContext({
      invite: true,
      simultaneous: false,
      followRedirects: false,
      breadth: 5,
      targets: ['sip:a', 'sip:b'],
    })
    expect([...shares(context.start()), ...shares(happens(context, '0 404'))]).toEqual([5, 5])
  })
})
