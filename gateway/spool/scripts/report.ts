/**
 * `report()`: a report is applied to the record it belongs to and queues the item it makes; one that belongs to none is
 * parked.
 *
 * ARGV  now (ms), scope, state, n, n keys, n, n converted keys, n, n addresses; text: report as JSON
 * Reply matched, parked, repeated or contradiction
 */
export const REPORT = `
local function report()
  local now = arg()
  local told = {o = arg(), s = arg(), k = list(), v = list(), a = list(), j = text()}
  local outcome = apply(told, now)
  if outcome then return outcome end
  park(told, now)
  return 'parked'
end
`
