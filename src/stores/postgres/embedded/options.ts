import type { Settings } from './settings.ts'

/** How to start a PostgreSQL of our own. */
export type EmbeddedOptions = {
  /** The data directory: outside the clone, made if missing. As root, every folder above it must be open to others. */
  readonly dataDir: string
  /** Also listen on 127.0.0.1 (scram-sha-256, never the superuser); without a port, a free one is chosen. */
  readonly tcp?: { readonly port?: number }
  /** PostgreSQL settings over our own, such as `{ max_connections: 40 }`. */
  readonly settings?: Settings
  /** Where the programs are copied to; see `openBinaries`. */
  readonly cacheFolder?: string
  /** How long the server may take to be ready, recovery after a crash included; 60 s. */
  readonly patienceMs?: number
  /** Ends a start that is under way. A server that is up is ended with `stop()`. */
  readonly signal?: AbortSignal
}
