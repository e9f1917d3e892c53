import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { type Command, Option } from 'commander'
import { decimal, integer, list } from 'hierax/cli/options.ts'
import type { PublishTarget } from 'hierax/cli/publish.ts'
import type { Progress } from 'hierax/cli/terminal/progress.ts'
import { HieraxError } from 'hierax/errors.ts'
import { type Mix, mixes } from '../simulator/mix.ts'
import type { PacketFormName, Simulation } from '../simulator/simulate.ts'

interface Options extends Omit<PublishTarget, 'topic'> {
  topic?: string
  out?: string
  overwrite?: true
  lightcurves?: string
  mix: Mix
  bogus: number
  solarSystem: number
  objects?: number
  seed: number
  cutoutBytes: number
  shuffle?: true
  format: PacketFormName
  rate: number
}

const examples = `
Examples:
  $ hierax simulate --out packets/ --objects 10
  $ hierax simulate --topic ztf_20250101_programid1 --objects 1000 --rate 100
  $ hierax simulate --mix stream --topic ztf_20250101_programid1 --objects 5000
  $ hierax simulate --out mixed/ --bogus 0.2 --solar-system 0.05

Packets contain every detection, and the upper limits of the 30 days before each;
other upper limits of a light curve are lost. Catalogue fields (nearest PanSTARRS and
Gaia sources, reference image) and earlier detections fit the class of the label.

--mix stream adds synthetic light curves to the examples in the proportions of the
public stream: long-period variables, active nuclei, cataclysmic variables, young
stars, flare stars, and single detections of minor planets and artefacts, most of
which \`hierax serve\` rejects with its default settings.`

/** Adds `hierax simulate`. */
export function register(program: Command): void {
  program
    .command('simulate')
    .summary('simulate ZTF alert packets from light curves')
    .description(
      'Simulate valid ZTF alert packets (schema 4.02, or in the form of a public stream) from light curves and write them to a folder or a Kafka topic. There is one packet per detection, with 30 days of history and three images.'
    )
    .option('--out <folder>', 'write each packet to a file in this folder, named by time and candid')
    .option('--overwrite', 'replace packets of the same name in --out')
    .option('--topic <name>', 'publish the packets to this topic; created if absent')
    .option('--brokers <list>', 'comma-separated host:port list (default: input.brokers of the configuration)', list)
    .option('--partitions <n>', 'number of partitions if the topic is created', integer({ min: 1, max: 10_000 }))
    .option('--rate <n>', 'packets per second to the topic; 0 for no limit', decimal({ min: 0 }), 0)
    .option('--config <file>', 'configuration file for brokers, TLS and credentials of the input')
    .option('--lightcurves <file>', 'light curves as JSON Lines, optionally .gz (default: the bundled examples)')
    .addOption(
      new Option(
        '--mix <name>',
        'the light curves alone, or the examples in a class mix like that of the public stream, with more supernovae'
      )
        .choices(mixes)
        .default('examples')
    )
    .option(
      '--bogus <n>',
      'additional alerts with a low real–bogus score, per detection',
      decimal({ min: 0, max: 1 }),
      0
    )
    .option(
      '--solar-system <n>',
      'additional alerts near a known minor planet, per detection',
      decimal({ min: 0, max: 1 }),
      0
    )
    .option('--objects <n>', 'number of objects (default: the number of light curves)', integer({ min: 1 }))
    .option('--seed <n>', 'seed; the same seed gives the same packets', integer({ min: 0 }), 0)
    .option('--cutout-bytes <n>', 'total size of the three images; 0 for none', integer({ min: 0 }), 40_000)
    .option('--shuffle', 'random order instead of time order')
    .addOption(
      new Option(
        '--format <name>',
        'form of the packets: that of the survey, or of the public streams Babamul and Fink (files NAME.value with the schema in NAME.key)'
      )
        .choices(['survey', 'babamul', 'fink'])
        .default('survey')
    )
    .addHelpText('after', examples)
    .action(simulate)
}

async function simulate(options: Options): Promise<void> {
  if ((options.out === undefined) === (options.topic === undefined)) {
    throw new HieraxError('USAGE', 'give either --out (a folder) or --topic (of Kafka)')
  }
  if (options.mix === 'stream' && options.lightcurves !== undefined) {
    throw new HieraxError('USAGE', '--mix stream uses the bundled examples: omit --lightcurves')
  }
  const [{ Simulation }, { endSignal }, { startProgress }] = await Promise.all([
    import('../simulator/simulate.ts'),
    import('hierax/cli/end-signal.ts'),
    import('hierax/cli/terminal/progress.ts')
  ])
  const curves = await readCurves(options)
  const simulation = new Simulation(curves, {
    seed: options.seed,
    cutoutBytes: options.cutoutBytes,
    order: options.shuffle ? 'shuffled' : 'time',
    form: options.format,
    refused: { bogus: options.bogus, solarSystem: options.solarSystem },
    ...(options.objects === undefined ? {} : { objects: options.objects })
  })
  const signal = endSignal()
  const progress = await startProgress({ total: simulation.length, unit: 'packets' })
  try {
    const done =
      options.out === undefined
        ? await publish(simulation, { ...options, topic: options.topic as string }, progress, signal)
        : await write(simulation, { folder: options.out, overwrite: options.overwrite ?? false }, progress, signal)
    progress.stop()
    process.stdout.write(done)
  } finally {
    progress.stop()
  }
}

/** The light curves to simulate; reads no more of a file than needed. */
async function readCurves({ lightcurves, mix, objects, seed }: Options): Promise<readonly SimulatedLightCurve[]> {
  const { readLightCurves } = await import('@hierax/training/light-curves/read-light-curves.ts')
  const curves: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves(lightcurves)) {
    curves.push(curve)
    if (mix === 'examples' && curves.length === objects) break
  }
  if (mix === 'examples') return curves
  const { streamMix } = await import('../simulator/mix.ts')
  return streamMix(curves, seed)
}

async function publish(
  simulation: Simulation,
  options: Options & PublishTarget,
  progress: Progress,
  signal: AbortSignal
): Promise<string> {
  const { openTarget, publishAll, summary } = await import('hierax/cli/publish.ts')
  const publisher = await openTarget(options)
  async function* packets() {
    yield* simulation
  }
  try {
    const published = await publishAll(packets(), publisher, { rate: options.rate, progress, signal })
    return summary(published, options.topic, publisher.partitions)
  } finally {
    await publisher.close()
  }
}

async function write(
  simulation: Simulation,
  { folder, overwrite }: { readonly folder: string; readonly overwrite: boolean },
  progress: Progress,
  signal: AbortSignal
): Promise<string> {
  const [{ mkdir, writeFile }, path] = await Promise.all([import('node:fs/promises'), import('node:path')])
  let packets = 0
  try {
    await mkdir(folder, { recursive: true })
    const flag = overwrite ? 'w' : 'wx'
    for (const { candid, jd, bytes, key } of simulation) {
      if (signal.aborted) break
      // The time comes first, so that sorting by name sorts by time.
      const name = path.join(folder, `${jd.toFixed(5)}_${candid}`)
      await writeFile(`${name}.${key ? 'value' : 'avro'}`, bytes, { flag })
      if (key) await writeFile(`${name}.key`, key, { flag })
      packets += 1
      progress.advance()
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    if (cause.code === 'EEXIST' && 'syscall' in cause && cause.syscall === 'open') {
      const message = `--out: ${(cause as NodeJS.ErrnoException).path} exists; name another folder, or give --overwrite`
      throw new HieraxError('USAGE', message, { cause })
    }
    throw new HieraxError('USAGE', `--out: ${folder} cannot be written (${cause.message})`, { cause })
  }
  return `${packets} packets in ${folder}\n`
}
