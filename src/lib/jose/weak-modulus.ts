/**
 * Primes of the published fingerprint of keys made by the flawed Infineon library (CVE-2017-15361, "ROCA"): such a
 * modulus is a power of 65537 modulo each of them, which happens by chance about once in 2^27 for a sound key.
 */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]

const POWERS = PRIMES.map((prime) => ({ prime: BigInt(prime), reachable: powersOf65537(prime) }))

/** Whether the factors of this RSA modulus can be found in practice because of how it was made. */
export function isRocaModulus(modulus: bigint): boolean {
  return POWERS.every(({ prime, reachable }) => reachable.has(Number(modulus % prime)))
}

function powersOf65537(prime: number): ReadonlySet<number> {
  const reachable = new Set<number>()
  for (let power = 1; !reachable.has(power); power = (power * 65_537) % prime) reachable.add(power)
  return reachable
}
