// Loaded into a process by `--import`: records a CPU profile from here to the end, in the folder that BENCH_PROFILE names.
// Node's own --cpu-prof is not taken from NODE_OPTIONS.
import fs from 'node:fs'
import { Session } from 'node:inspector'
import path from 'node:path'

const folder = process.env.BENCH_PROFILE
if (folder) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: 500 })
  session.post('Profiler.start')
  process.once('exit', () => {
    session.post('Profiler.stop', (error, result) => {
      if (error) return
      fs.mkdirSync(folder, { recursive: true })
      fs.writeFileSync(path.join(folder, `service-${process.pid}.cpuprofile`), JSON.stringify(result.profile))
    })
  })
}
