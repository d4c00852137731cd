/** Packs septets eight to seven octets, lowest bits first, after `fill` empty bits (3GPP TS 23.038 §6.1.2.1). */
export function packSeptets(septets: Buffer, fill = 0): Buffer {
  const out = Buffer.alloc(Math.ceil((septets.length * 7 + fill) / 8))
  for (let index = 0; index < septets.length; index += 1) {
    const bit = index * 7 + fill
    const value = ((septets[index] as number) & 0x7f) << (bit % 8)
    const at = bit >> 3
    out[at] = (out[at] as number) | (value & 0xff)
    if (value > 0xff) out[at + 1] = value >> 8
  }
  return out
}
