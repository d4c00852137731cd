/**
 * Whether a=accept-types (or a=accept-wrapped-types) has room for this Content-Type (RFC 4975 §8.6): exactly, as
 * `type/*`, or `*`.
 */
export function acceptsType(types: readonly string[], contentType: string): boolean {
  const [type = ''] = contentType.toLowerCase().split(';')
  const wanted = type.trim()
  return types.some((one) => {
    const accepted = one.toLowerCase()
    return (
      accepted === '*' || accepted === wanted || (accepted.endsWith('/*') && wanted.startsWith(accepted.slice(0, -1)))
    )
  })
}
