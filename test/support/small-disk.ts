import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { temporaryFolder } from './service.ts'
import { requireAll } from './shared.ts'

/** A disk of a few megabytes that can be filled and freed. */
export interface SmallDisk {
  readonly folder: string
  /** Uses all free space. */
  fill(): void
  free(): void
  close(): void
}

/** The reason why no small disk can be mounted; false if one can. */
export function lacksSmallDisk(): string | false {
  const reason = 'needs root on Linux, to mount a small disk'
  try {
    smallDisk(1).close()
    return false
  } catch (error) {
    if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`, { cause: error })
    return reason
  }
}

/** Mounts an in-memory disk of this size. Throws if mounting is not permitted. */
export function smallDisk(megabytes: number): SmallDisk {
  const folder = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'hierax-test', folder], { stdio: 'pipe' })
  } catch (error) {
    fs.rmdirSync(folder)
    throw error
  }
  const filler = path.join(folder, 'filler')
  return {
    folder,
    fill() {
      const file = fs.openSync(filler, 'a')
      for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
        try {
          for (;;) if (fs.writeSync(file, Buffer.alloc(size)) === 0) break
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
      }
      fs.closeSync(file)
    },
    free() {
      fs.rmSync(filler, { force: true })
    },
    close() {
      // Lazily, because after a failed test a process may still use it, and that failure must be the one that is reported.
      execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' })
      fs.rmdirSync(folder)
    }
  }
}
