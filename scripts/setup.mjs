// Makes a fresh clone runnable: installs the packages when the lock has changed since the last time.
// Plain JavaScript, because it runs on whatever Node the machine has (20 or newer); the script that npm
// starts after this one already runs on the newer Node that was installed as a dev dependency.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.countersign-setup')

function wanted() {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json']) {
    if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

function installed() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(`countersign: Node 20 or newer is needed, this is ${process.version}`)
  process.exit(1)
}

if (installed() !== wanted()) {
  // stdout belongs to the command that follows (one JSON document with --json), so progress goes to stderr.
  process.stderr.write('Setting up: installing packages (once) …\n')
  const started = Date.now()
  const args = [
    'install',
    '--include=dev',
    '--ignore-scripts=false',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const done = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (done.status !== 0) {
    console.error('countersign: npm install failed; the lines above say why')
    process.exit(1)
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted())
  process.stderr.write(`Setting up: done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}
