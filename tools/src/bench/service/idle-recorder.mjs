// Loaded by `--import`: appends how long the event loop of the main thread has been idle and active to the file BENCH_IDLE, so that
// every release can be measured in the same way. Lines are: epoch ms, idle ms, active ms.
import fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const file = process.env.BENCH_IDLE
if (file && isMainThread) {
  const record = () => {
    const { idle, active } = performance.eventLoopUtilization()
    fs.appendFileSync(file, `${Date.now()} ${idle} ${active}\n`)
  }
  setInterval(record, 100).unref()
}
