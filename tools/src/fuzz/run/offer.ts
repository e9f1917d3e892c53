/**
 * Writes batches of packets to standard output: real alerts and, unless `--clean`, hostile packets among them. It runs in a separate
 * process, so that making packets costs the service neither time nor memory. The same seed gives the same batches; with `--clean`
 * they contain the same real alerts.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { random } from '@hierax/training/random.ts'
import { allRecipes, hostilePacket, packetOf } from '../packets/all.ts'
import { realAlerts } from './alerts.ts'
import { batchEnd, frameOf } from './frames.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    packets: { type: 'string', default: '1000' },
    recipe: { type: 'string' },
    clean: { type: 'boolean', default: false }
  }
})
const seed = Number(values.seed)
const packets = Number(values.packets)
/** Real alerts among ten packets. */
const realIn10 = 1

const only = values.recipe === undefined ? null : allRecipes.find(({ name }) => name === values.recipe)
if (only === undefined)
  throw new Error(`unknown recipe ${values.recipe}; the recipes are ${allRecipes.map(r => r.name).join(', ')}`)

async function write(bytes: Buffer): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}

process.stdout.on('error', () => process.exit()) // the reader has ended
const alerts = await realAlerts(seed)
const plan = random(seed)
let serial = 0
while (serial < packets) {
  const size = plan.integer(1, 200)
  const objects = new Set<string>()
  for (let place = 0; place < size && serial < packets; place++) {
    if (plan.integer(1, 10) <= realIn10) {
      const alert = alerts.next()
      // At most one alert of an object per batch: classifications then do not depend on where batches end.
      if (alert.objectIds.some(id => objects.has(id))) {
        await write(batchEnd)
        objects.clear()
      }
      for (const id of alert.objectIds) objects.add(id)
      await write(frameOf({ recipe: null, value: alert.bytes, key: null }))
      continue
    }
    const number = serial++
    if (values.clean) continue
    const hostile = only
      ? packetOf(only, random(seed, number), alerts.bases, number)
      : hostilePacket(seed, number, alerts.bases)
    await write(frameOf({ recipe: hostile.recipe, value: hostile.bytes, key: hostile.key }))
  }
  await write(batchEnd)
}
process.stdout.end()
