// Preloaded into `hierax serve` with workers: one worker stops itself during a write, while it holds the lock of the store.
// FREEZE_WRITES: dist/lightcurves/stores/lmdb-writes.js; FREEZE_FILE: receives the process id and marks that one has stopped.
import fs from 'node:fs'

/** Number of the write to stop in: after those at start, and at the latest in the second batch, however large batches are. */
const before = 3

if (process.send) {
  const { LmdbWrites } = await import(process.env.FREEZE_WRITES)
  const { begin } = LmdbWrites.prototype
  let writes = 0
  LmdbWrites.prototype.begin = function (work) {
    return begin.call(this, () => {
      const result = work()
      if (++writes >= before && isFirst()) process.kill(process.pid, 'SIGSTOP')
      return result
    })
  }
}

function isFirst() {
  try {
    fs.writeFileSync(process.env.FREEZE_FILE, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}
