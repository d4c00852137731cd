import { describe, expect, it } from 'vitest'
import type { HostPort } from '../../../gateway/sip-server/host-port.js'
import { arrivedWay, followsOurRoute, nextStep } from '../../../gateway/sip-server/proxy/routing.js'
import { request } from './messages.js'

const isOwn = ({ host, port }: HostPort) => host === '10.0.0.1' && (port === 5060 || port === 5062)
const OURS = '<sip:10.0.0.1;lr>'
const OTHER_SIDE = '<sip:10.0.0.1:5062;transport=tcp;lr>'

describe('what led here is taken off (RFC 3261 §16.4)', () => {
  it.each([
    ['nothing', 'sip:bob@peer.example', [], 'sip:bob@peer.example', []],
    ['our route', 'sip:bob@peer.example', [OURS], 'sip:bob@peer.example', []],
    [
      'both our routes',
      'sip:bob@peer.example',
      [OTHER_SIDE, OURS, '<sip:next;lr>'],
      'sip:bob@peer.example',
      ['<sip:next;lr>'],
    ],
    [
      'our route and more in one line',
      'sip:bob@peer.example',
      [`${OURS}, <sip:next;lr>`],
      'sip:bob@peer.example',
      ['<sip:next;lr>'],
    ],
    [
      'a route with a user part of ours',
      'sip:bob@peer.example',
      ['<sip:orig@10.0.0.1;lr>', '<sip:next;lr>'],
      'sip:bob@peer.example',
      ['<sip:next;lr>'],
    ],
    [
      'a foreign route',
      'sip:bob@peer.example',
      ['<sip:next;lr>', OURS],
      'sip:bob@peer.example',
      ['<sip:next;lr>', OURS],
    ],
    [
      'our own value in the Request-URI, from a strict router',
      'sip:10.0.0.1;lr',
      ['<sip:next;lr>', '<sip:bob@peer.example>'],
      'sip:bob@peer.example',
      ['<sip:next;lr>'],
    ],
    [
      'our address in the Request-URI, not record-routed',
      'sip:bob@10.0.0.1',
      ['<sip:next;lr>'],
      'sip:bob@10.0.0.1',
      ['<sip:next;lr>'],
    ],
  ])('%s', (_what, uri, routes, wantedUri, wantedRoutes) => {
    const message = request(`BYE ${uri}`, ...routes.map((route) => `Route: ${route}`))
    expect(arrivedWay(message, isOwn)).toEqual({ uri: wantedUri, routes: wantedRoutes })
  })
})

describe('the next hop (RFC 3261 §16.6 items 6 and 7)', () => {
  it.each([
    ['the Request-URI', [], 'sip:bob@peer', [], 'sip:bob@peer'],
    ['a loose router', ['<sip:a;lr>', '<sip:b>'], 'sip:bob@peer', ['<sip:a;lr>', '<sip:b>'], 'sip:a;lr'],
    ['a strict router', ['<sip:a>', '<sip:b;lr>'], 'sip:a', ['<sip:b;lr>', '<sip:bob@peer>'], 'sip:a'],
  ])('%s', (_what, routes, uri, left, hop) => {
    expect(nextStep({ uri: 'sip:bob@peer', routes })).toEqual({ uri, routes: left, hop })
  })
})

describe('whether a request follows our Record-Route', () => {
  it.each([
    ['topmost Route', request('BYE sip:bob@peer', `Route: ${OURS}`), true],
    ['Request-URI of a strict router', request('BYE sip:10.0.0.1;lr', 'Route: <sip:bob@peer>'), true],
    ['Request-URI without a Route', request('BYE sip:10.0.0.1;lr'), false],
    ['second Route', request('BYE sip:bob@peer', 'Route: <sip:next;lr>', `Route: ${OURS}`), false],
    ['Route of a function', request('BYE sip:bob@peer', 'Route: <sip:orig@10.0.0.1;lr>'), false],
    ['Route without lr', request('BYE sip:bob@peer', 'Route: <sip:10.0.0.1>'), false],
    ['other port', request('BYE sip:bob@peer', 'Route: <sip:10.0.0.1:7000;lr>'), false],
    ['Route that is no address', request('BYE sip:bob@peer', 'Route: ;;'), false],
  ])('%s', (_what, message, expected) => expect(followsOurRoute(message, isOwn)).toBe(expected))
})
