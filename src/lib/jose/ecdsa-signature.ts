/**
 * The two spellings of one ECDSA signature: JOSE's, r and s at full length one after the other (RFC 7518 §3.4), and DER's, which OpenSSL
 * makes and reads (RFC 3279 §2.2.3). Node converts them too, but looks the key's order up anew each time: that is 9 µs of a signature's 26.
 * For curves up to P-384, whose DER has lengths of one byte.
 */

const SEQUENCE = 0x30
const INTEGER = 0x02

/** `length` is that of the JOSE spelling, in bytes: 64 for ES256, 96 for ES384. `der` is what OpenSSL gave, so it is well formed. */
export function joseFromDer(der: Uint8Array, length: number): Buffer {
  const signature = Buffer.alloc(length)
  const half = length / 2
  const first = 4
  const second = first + (der[first - 1] ?? 0) + 2
  placeInteger(der, first, second - 2, signature, half)
  placeInteger(der, second, der.length, signature, length)
  return signature
}

/** Writes the integer in `der` from `from` to `to` so that it ends at `end`. A zero in front only says that it is not negative. */
function placeInteger(der: Uint8Array, from: number, to: number, signature: Buffer, end: number): void {
  const start = der[from] === 0 ? from + 1 : from
  signature.set(der.subarray(start, to), end - (to - start))
}

/** Any two halves give a DER that says exactly them; whether they can be a signature is OpenSSL's to see. */
export function derFromJose(signature: Uint8Array): Buffer {
  const half = signature.length / 2
  const der = Buffer.alloc(2 * (half + 3) + 2)
  const end = putInteger(signature, half, signature.length, der, putInteger(signature, 0, half, der, 2))
  der[0] = SEQUENCE
  der[1] = end - 2
  return der.subarray(0, end)
}

/** Writes one integer at `at`, in the one way that DER allows: no needless zero in front. Answers where the next byte goes. */
function putInteger(signature: Uint8Array, from: number, to: number, der: Buffer, at: number): number {
  let start = from
  while (start < to - 1 && signature[start] === 0) start++
  const sign = (signature[start] ?? 0) >= 0x80 ? 1 : 0
  der[at] = INTEGER
  der[at + 1] = to - start + sign
  der.set(signature.subarray(start, to), at + 2 + sign)
  return at + 2 + sign + (to - start)
}
