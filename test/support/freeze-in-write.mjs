// Preloaded into `hierax serve` with workers: one of them stops itself in the middle of a write, the lock of the store in its hand.
// FREEZE_WRITES: dist/lightcurves/stores/lmdb-writes.js; FREEZE_FILE: gets the process id, and is there once only.
import fs from 'node:fs'

/** The write to stop in: past those of the start, and no later than the second batch, however large batches are. */
const before = 3

if (process.send) {
  const { LmdbWrites } = await import(process.env.FREEZE_WRITES)
  const { transaction } = LmdbWrites.prototype
  let writes = 0
  LmdbWrites.prototype.transaction = function (work) {
    return transaction.call(this, () => {
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
