import { type Progress, startProgress } from 'hierax/cli/terminal/progress.ts'
import type { Table } from '../evaluation/tables.ts'
import type { TrainListener } from '../session.ts'

/** Shows a bar on a terminal and a line an epoch everywhere, on standard error; tables go to standard output. */
export function createListener(plainTable: (table: Table) => string): TrainListener {
  let bar: Progress | null = null
  let done = 0
  let total = 0
  const note = (text: string): void => {
    process.stderr.write(`${text}\n`)
  }
  const start = async (): Promise<void> => {
    bar = await startProgress({ total, unit: 'batches' })
    bar.advance(done)
  }
  const stop = (): void => {
    bar?.stop()
    bar = null
  }
  return {
    note,
    async begin(title, batches, before) {
      note(`Training ${title}: ${batches} batches${before > 0 ? `, of which ${before} were done before` : ''}.`)
      total = batches
      done = before
      await start()
    },
    batch() {
      done += 1
      bar?.advance()
    },
    async epoch({ epoch, trainingLoss, heldOutLoss, seconds }, epochs) {
      stop()
      const held = heldOutLoss === null ? '' : `, held out ${heldOutLoss.toFixed(4)}`
      const left = epoch + 1 < epochs ? `, about ${minutes((epochs - epoch - 1) * seconds)} left` : ''
      note(`Epoch ${epoch + 1} of ${epochs}: loss ${trainingLoss.toFixed(4)}${held}, ${seconds.toFixed(1)} s${left}`)
      await start()
    },
    end: stop,
    tables: tables => {
      process.stdout.write(`${tables.map(plainTable).join('\n\n')}\n`)
    }
  }
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}
