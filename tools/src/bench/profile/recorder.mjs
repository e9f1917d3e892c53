// Loaded by `--import`: records a CPU profile until the process exits, in the folder BENCH_PROFILE. NODE_OPTIONS does not allow
// Node's own --cpu-prof.
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
