import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { countriesIn } from '../conditions/place/countries.ts'
import { conditionMaker } from '../conditions/registry.ts'
import type { ApplyPorts } from '../core/apply-changes.ts'

const require = createRequire(import.meta.url)

/** What `applyChanges` needs from the plug-ins: read once, since the country database is 8 MB. */
export function applyPorts(): ApplyPorts {
  const mmdb = readFileSync(
    require.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
  )
  return { conditionTest: conditionMaker({ country: countriesIn(mmdb) }) }
}
