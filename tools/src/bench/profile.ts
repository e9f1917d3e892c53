/**
 * `npm run profile [-- options of npm run bench]`: runs the benchmark's service under the CPU profiler and writes
 * `profile/service-PID.cpuprofile` (for DevTools and speedscope) and beside it a flame graph as one HTML page; prints
 * the time by part of the program.
 */
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { spawnSource } from '../spawn-source.ts'
import { byPart, flameGraph } from './profile/flame-graph.ts'

const folder = path.resolve('profile')
fs.rmSync(folder, { recursive: true, force: true })
fs.mkdirSync(folder, { recursive: true })

const settings = ['--seconds', '0', '--no-python', '--profile', folder, '--output', path.join(folder, 'bench.json')]
const bench = spawnSource(new URL('bench.ts', import.meta.url), [...settings, ...process.argv.slice(2)])
bench.stdout.resume()
const [status] = await once(bench, 'close')
const profiles = fs.readdirSync(folder).filter(name => name.endsWith('.cpuprofile'))
if (status !== 0 || profiles.length === 0) process.exit(1)

const { load } = JSON.parse(fs.readFileSync(path.join(folder, 'bench.json'), 'utf8')) as { load: { alerts: number } }
for (const name of profiles) {
  const profile = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'))
  const page = path.join(folder, name.replace('.cpuprofile', '.html'))
  fs.writeFileSync(page, flameGraph(profile, `hierax serve: ${load.alerts} alerts`))
  console.log(`${page}\n\nµs of the main thread per alert, start-up included:`)
  for (const [part, time] of byPart(profile).slice(0, 20)) {
    console.log(`${(time / load.alerts).toFixed(1).padStart(8)}  ${part}`)
  }
}
