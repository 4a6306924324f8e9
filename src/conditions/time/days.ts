const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/** `mon-fri`, `sat,sun`, `fri-mon,wed`: days by number, Sunday 0; nothing when it is none of these. */
export function parseDays(written: string): ReadonlySet<number> | undefined {
  const days = new Set<number>()
  for (const part of written.split(',')) {
    const ends = part.trim().split('-').map(dayNumber)
    const [from, to = from] = ends
    if (ends.length > 2 || from === undefined || to === undefined || ends.includes(undefined))
      return undefined
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === to) break
    }
  }
  return days
}

export function dayNumber(name: string): number | undefined {
  const found = DAYS.findIndex((day) => day === name.toLowerCase().slice(0, 3) && name.length === 3)
  return found < 0 ? undefined : found
}
