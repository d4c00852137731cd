const ICSI_STEM = 'urn:urn-7:3gpp-service.ims.icsi.'
const MAX_PARAMETERS = 16_384

/** ICSI tails of the CPM services; an operator's own tails below `oma.cpm.` are as good. */
export const ICSI = {
  message: 'oma.cpm.msg',
  groupMessage: 'oma.cpm.msg.group',
  largeMessage: 'oma.cpm.largemsg',
  groupLargeMessage: 'oma.cpm.largemsg.group',
  session: 'oma.cpm.session',
  groupSession: 'oma.cpm.session.group',
  fileTransfer: 'oma.cpm.filetransfer',
  groupFileTransfer: 'oma.cpm.filetransfer.group',
  deferred: 'oma.cpm.deferred',
  system: 'oma.cpm.systemmsg',
} as const

/** Feature parameters: names in lower case, values without quotes, true for a name alone. */
export type Features = Readonly<Record<string, string | true>>

/** `urn:urn-7:3gpp-service.ims.icsi.<tail>`: the spelling of P-Preferred-Service and P-Asserted-Service. */
export const icsiUrn = (tail: string): string => ICSI_STEM + tail

/** `+g.3gpp.icsi-ref="urn%3A…"`: the spelling of Contact, Accept-Contact and Reject-Contact. */
export const icsiFeatureTag = (tail: string): string => `+g.3gpp.icsi-ref="${icsiUrn(tail).replaceAll(':', '%3A')}"`

/** The tail of a CPM service URN, escaped or not, in any case; undefined when it is another URN. */
export function icsiTail(urn: string): string | undefined {
  const plain = plainValue(urn)
  return plain.startsWith(ICSI_STEM) ? plain.slice(ICSI_STEM.length) : undefined
}

/** Whether `features` declare the ICSI, alone or in a list (RFC 3840 §9; escapes and case are ignored). */
export function hasIcsi(features: Features, tail: string): boolean {
  return valuesOf(features['+g.3gpp.icsi-ref']).includes(plainValue(icsiUrn(tail)))
}

const parameter = /;?\s*([\w.!%*+`'~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))\s*)?(?=;|$)/y

/** Reads the parameters of a Contact or Accept-Contact (`;a;+b="c,d"`, a leading `*` is skipped); undefined when broken. */
export function parseFeatures(parameters: string): Features | undefined {
  if (parameters.length > MAX_PARAMETERS) return undefined
  const text = parameters.trim().replace(/^\*\s*/, '')
  const features = new Map<string, string | true>()
  parameter.lastIndex = 0
  while (parameter.lastIndex < text.length) {
    const found = parameter.exec(text)
    if (found === null) return undefined
    const [, name = '', quoted, token] = found
    const key = name.toLowerCase()
    if (!features.has(key)) features.set(key, quoted?.replace(/\\(.)/g, '$1') ?? token ?? true)
  }
  return Object.fromEntries(features)
}

/** Parameters of Accept-Contact that are no feature (RFC 3841 §9.2). */
const notFeatures = new Set(['require', 'explicit', 'q'])

/**
 * Whether a contact with `features` fits one Accept-Contact or Reject-Contact value (RFC 3841 §7.2.4): `undeclared` when it
 * says nothing about a feature that is asked, `differs` when it says otherwise.
 */
export function matchesPredicate(features: Features, predicate: Features): 'matches' | 'differs' | 'undeclared' {
  let undeclared = false
  for (const [name, wanted] of Object.entries(predicate)) {
    if (notFeatures.has(name)) continue
    const declared = Object.hasOwn(features, name) ? features[name] : undefined
    if (declared === undefined) undeclared = true
    else if (!fits(declared, wanted)) return 'differs'
  }
  return undeclared ? 'undeclared' : 'matches'
}

/** One value in common is enough; `!` in front of a wanted value excludes it (RFC 3840 §9). */
function fits(declared: string | true, wanted: string | true): boolean {
  const have = valuesOf(declared)
  return valuesOf(wanted).some((value) =>
    value.startsWith('!') ? !have.includes(value.slice(1)) : have.includes(value),
  )
}

/** A list of values; a name alone is TRUE. Strings in `<…>` keep their case and are never a list (RFC 3840 §9). */
function valuesOf(value: string | true | undefined): readonly string[] {
  if (value === undefined) return []
  if (value === true) return ['true']
  if (value.startsWith('<')) return [value]
  return value.split(',').map((item) => plainValue(item.trim()))
}

function plainValue(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase()
  } catch {
    return text.toLowerCase()
  }
}
