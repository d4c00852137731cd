/** Names of the CPM services (ICSI tails). */
export type IcsiTail =
  | 'oma.cpm.msg'
  | 'oma.cpm.msg.group'
  | 'oma.cpm.largemsg'
  | 'oma.cpm.largemsg.group'
  | 'oma.cpm.session'
  | 'oma.cpm.session.group'
  | 'oma.cpm.filetransfer'
  | 'oma.cpm.filetransfer.group'
  | 'oma.cpm.deferred'
  | 'oma.cpm.systemmsg'

export type Features = Readonly<Record<string, string | true>>

/** `urn:urn-7:3gpp-service.ims.icsi.<tail>`: the spelling of P-Preferred-Service and P-Asserted-Service. */
export const icsiUrn = (tail: string): string => `urn:urn-7:3gpp-service.ims.icsi.${tail}`
/** `+g.3gpp.icsi-ref="urn%3A…"`: the spelling of Contact and Accept-Contact. */
export function icsiFeatureTag(_tail: string): string {
  throw new Error('signature only')
}
export function iariFeatureTag(_tail: string): string {
  throw new Error('signature only')
}
/** Feature tags of a Contact or Accept-Contact parameter list (`;a;b="c"`), names in lower case, values unquoted. */
export function parseFeatures(_parameters: string): Features | undefined {
  throw new Error('signature only')
}
export function buildFeatures(_features: Features): string {
  throw new Error('signature only')
}
/** Whether `features` declare the ICSI, in any spelling. */
export function hasIcsi(_features: Features, _tail: string): boolean {
  throw new Error('signature only')
}
/** RFC 3841 §7.2.4: whether a contact with `features` satisfies one Accept-Contact or Reject-Contact value. */
export function matchesPredicate(_features: Features, _predicate: Features): 'matches' | 'differs' | 'undeclared' {
  throw new Error('signature only')
}
