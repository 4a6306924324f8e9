import { type CountryResponse, Reader } from 'maxmind'
import type { CountryLookup } from '../contract.ts'

/** Looks countries up in an MMDB file's bytes, read once at start. The WHOIS-based one has `country_code` at the top. */
export function countriesIn(mmdb: Buffer): CountryLookup {
  const reader = new Reader<CountryResponse>(mmdb)
  return (address) => {
    const found: unknown = reader.get(address)
    const code =
      found !== null && typeof found === 'object' && 'country_code' in found ? found.country_code : undefined
    return typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : undefined
  }
}
