import type { Preset } from './preset.ts'
import { azure } from './presets/azure.ts'
import { buildkite } from './presets/buildkite.ts'
import { circleci } from './presets/circleci.ts'
import { fly } from './presets/fly.ts'
import { gcp } from './presets/gcp.ts'
import { githubActions } from './presets/github-actions.ts'
import { gitlab } from './presets/gitlab.ts'
import { kubernetes } from './presets/kubernetes.ts'
import { terraformCloud } from './presets/terraform-cloud.ts'
import { vercel } from './presets/vercel.ts'

const all: readonly Preset[] = [
  azure,
  buildkite,
  circleci,
  fly,
  gcp,
  githubActions,
  gitlab,
  kubernetes,
  terraformCloud,
  vercel,
]

/** Every platform that is known, by name. A new one is a file beside these and a line here. */
export const PRESETS: ReadonlyMap<string, Preset> = new Map(all.map((preset) => [preset.name, preset]))
