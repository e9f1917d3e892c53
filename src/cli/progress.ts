import type { SingleBar } from 'cli-progress'

/** How far a long piece of work is, shown on a terminal. */
export interface Progress {
  /** So many more are done. */
  advance(count?: number): void
  /** Takes the bar away; call it before anything else is printed, and at the end. */
  stop(): void
}

/** Where progress is shown. */
export interface ProgressOptions {
  /** How many there are; null where that is not known: then only count and rate are shown. */
  readonly total: number | null
  /** What is counted, in the plural. */
  readonly unit: string
  readonly stream?: NodeJS.WriteStream
}

/** A progress bar on standard error; shows nothing where that is not a terminal. */
export async function startProgress({ total, unit, stream = process.stderr }: ProgressOptions): Promise<Progress> {
  if (!stream.isTTY) return { advance: () => undefined, stop: () => undefined }
  const bar = await createBar(total, unit, stream)
  const begun = performance.now()
  let done = 0
  bar.start(total ?? 0, 0, { rate: 0 })
  return {
    advance(count = 1) {
      done += count
      bar.update(done, { rate: Math.round((done * 1000) / Math.max(1, performance.now() - begun)) })
    },
    stop: () => bar.stop()
  }
}

async function createBar(total: number | null, unit: string, stream: NodeJS.WriteStream): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress')
  const format =
    total === null
      ? `{value} ${unit} | {rate}/s | {duration_formatted}`
      : `{bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`
  return new progress.SingleBar(
    { format, stream, clearOnComplete: true, hideCursor: true, fps: 10, gracefulExit: false },
    progress.Presets.shades_classic
  )
}
