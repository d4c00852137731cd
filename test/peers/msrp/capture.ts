/** A pcap file of one side of a TCP connection, without handshake. Wireshark wants each MSRP message in a packet of its own. */
export function captureOf(messages: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65_535, 16)
  header.writeUInt32LE(101, 20) // packets begin with their IP header
  let sequence = 1
  const packets = messages.map((octets, index) => {
    const one = packet(octets, sequence, index)
    sequence += octets.length
    return one
  })
  return Buffer.concat([header, ...packets])
}

function packet(octets: Buffer, sequence: number, index: number): Buffer {
  const length = 40 + octets.length
  const record = Buffer.alloc(16)
  record.writeUInt32LE(1_700_000_000 + index, 0)
  record.writeUInt32LE(length, 8)
  record.writeUInt32LE(length, 12)
  const ip = Buffer.from('4500000000004000400600007f0000017f000002', 'hex')
  ip.writeUInt16BE(length, 2)
  const tcp = Buffer.alloc(20)
  tcp.writeUInt16BE(40_000, 0)
  tcp.writeUInt16BE(2855, 2)
  tcp.writeUInt32BE(sequence, 4)
  tcp.writeUInt32BE(1, 8)
  tcp.writeUInt16BE(0x5018, 12) // five words of header; PSH and ACK
  tcp.writeUInt16BE(65_535, 14)
  return Buffer.concat([record, ip, tcp, octets])
}
