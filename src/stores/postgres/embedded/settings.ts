import { createHash } from 'node:crypto'

/** Settings of PostgreSQL by name, as `-c name=value` takes them. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/**
 * Durable, and small when idle: the whole product must idle under 256 MiB.
 * Statements stay out of the server's log, because one of them may set a password.
 */
const BASE: Settings = {
  fsync: true,
  full_page_writes: true,
  synchronous_commit: 'on',
  max_connections: 80,
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '1GB',
  io_method: 'sync',
  max_worker_processes: 2,
  max_parallel_workers: 0,
  autovacuum_worker_slots: 4,
  autovacuum_max_workers: 2,
  max_logical_replication_workers: 0,
  jit: false,
  password_encryption: 'scram-sha-256',
  logging_collector: false,
  log_destination: 'stderr',
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_min_duration_statement: -1,
  log_parameter_max_length_on_error: 0,
  unix_socket_permissions: '0700',
  timezone: 'UTC',
}

/** Set by us from the options; a caller that sets one of them has made a mistake. */
const RESERVED = new Set([
  'listen_addresses',
  'port',
  'unix_socket_directories',
  'hba_file',
  'ident_file',
  'data_directory',
])

/** The custom setting that carries the fingerprint of a start, so that a later process can compare. */
export const LAUNCH_SETTING = 'countersign.launch'

export function reservedSetting(settings: Settings): string | undefined {
  return Object.keys(settings).find((name) => RESERVED.has(name) || !/^[a-z_]+(\.[a-z_]+)?$/.test(name))
}

function shown(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return String(value)
}

/** Arguments of `postgres`, without the port: that one may be chosen anew at each start. */
export function serverArguments(
  dataDir: string,
  socketDir: string,
  tcp: boolean,
  settings: Settings,
): string[] {
  const all = {
    ...BASE,
    ...settings,
    listen_addresses: tcp ? '127.0.0.1' : '',
    // A list: quoted, since a path may hold a comma.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
  }
  const args = ['-D', dataDir]
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${shown(value)}`)
  return args
}

/** Two starts with the same fingerprint give the same server. */
export function launchFingerprint(version: string, args: readonly string[], access: string): string {
  return createHash('sha256')
    .update(JSON.stringify([version, args, access]))
    .digest('hex')
    .slice(0, 32)
}
