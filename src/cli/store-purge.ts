import { admissionOf } from '../alerts/admission.ts'
import { HieraxError, printable } from '../errors.ts'
import { type PurgeCounts, type PurgePlan, purge, surveyPurge } from '../lightcurves/purge.ts'
import type { OpenStore } from '../lightcurves/store.ts'
import { openExistingCutouts } from '../lightcurves/stores/cutouts.ts'
import { openNamed, type StoreOptions } from './store.ts'

/** Options of `hierax store purge` as commander gives them. */
export interface PurgeOptions extends StoreOptions {
  readonly programs?: number[]
  readonly unknown?: 'keep' | 'remove'
  readonly dryRun?: true
}

/** What was done, as `--json` prints it. */
export interface Result extends PurgeCounts {
  readonly store: string
  readonly programs: readonly number[]
  readonly unknown: 'keep' | 'remove'
  readonly dryRun: boolean
  /** Objects of whose alerts images were removed. */
  readonly cutouts: number
  /** Objects that can't be read. */
  readonly corrupt: number
  /** Programmes that may be in the store afterwards. */
  readonly held: readonly number[]
}

/** Runs `hierax store purge`. */
export async function purgeStore(options: PurgeOptions): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${printable(text)}\n`)
  const result = await purgeNamed(options, say)
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : summary(result))
  if (result.corrupt > 0) process.exitCode = 1
}

/** Purges the store that the options name. Calls `say` with what the operator should know beside the result. */
export async function purgeNamed(options: PurgeOptions, say: (text: string) => void): Promise<Result> {
  const { programs, dryRun = false } = options
  if (!programs) throw new HieraxError('USAGE', '--programs is required, for example --programs 2,3')
  // Read-only at first: a store that does not exist must not be created, nor one be changed that is refused.
  const opened = await openNamed(options, { readOnly: true, outlives: true, anyPrograms: true })
  const { config, url } = opened
  const held = opened.store.programs
  const rest = held.filter(program => !programs.includes(program))
  // If the store never held others, or none of them, all points of unknown programme are of one kind.
  const certain = rest.length === 0 ? 'remove' : rest.length === held.length ? 'keep' : null
  const unknown = certain ?? options.unknown ?? 'keep'
  const plan: PurgePlan = { programs, unknown: unknown === 'remove' }
  let corrupt = 0
  const counts = await surveyPurge(opened.store, plan, error => {
    corrupt++
    say(`can't be read: ${error.message}`)
  }).finally(() => opened.store.close())
  if (certain === null && options.unknown === undefined && counts.unknownPoints > 0) {
    throw new HieraxError(
      'USAGE',
      `${url} holds ${counts.unknownPoints} points of unknown programme, which an earlier release stored. They may be of programme ${programs.join(', ')} or ${rest.join(', ')}. Nothing was deleted. \`--unknown remove\` deletes them too, \`--unknown keep\` keeps them as points of programme ${rest.join(', ')}`
    )
  }
  let cutouts = 0
  if (!dryRun) {
    cutouts = await removeCutouts(config.store.url, programs)
    const { store } = await openNamed(options, { anyPrograms: true })
    await remove(store, plan, corrupt > 0 ? held : rest).finally(() => store.close())
    if (admissionOf(config).programs.some(program => programs.includes(program)))
      say('note: the configuration still admits a deleted programme')
  }
  return { ...counts, store: url, programs, unknown, dryRun, cutouts, corrupt, held: corrupt > 0 ? held : rest }
}

/** Removes what the plan names, checks that nothing of it is left, and only then unlocks the store for those who do not admit it. */
async function remove(store: OpenStore, plan: PurgePlan, rest: readonly number[]): Promise<void> {
  await purge(store, plan)
  const left = await surveyPurge(store, plan, () => {})
  if (left.objects > 0) {
    const what = `${left.objects} objects have new points or alerts of programme ${plan.programs.join(', ')}`
    throw new HieraxError('STORE_FAILED', `${what}: stop every \`serve\` that admits it, and run the command again`)
  }
  await store.setPrograms(rest)
}

async function removeCutouts(url: string, programs: readonly number[]): Promise<number> {
  const cutouts = await openExistingCutouts(url)
  if (cutouts === null) return 0
  try {
    const objectIds: string[] = []
    for await (const { objectId, programId } of cutouts.list())
      if (programId === null || programs.includes(programId)) objectIds.push(objectId)
    return await cutouts.remove(objectIds)
  } finally {
    await cutouts.close()
  }
}

function summary({ store, programs, unknown, dryRun, held, ...counts }: Result): string {
  const { points, alerts, objects, removedObjects, unknownPoints, cutouts, corrupt } = counts
  const deleted = dryRun ? 'would be deleted' : 'deleted'
  return [
    `${store}: ${points} points and ${alerts} alerts of programme ${programs.join(', ')} ${deleted}, in ${objects} objects`,
    ...(removedObjects > 0 ? [`  ${removedObjects} objects without other points ${deleted}`] : []),
    ...(unknownPoints > 0
      ? [`  ${unknownPoints} points of unknown programme ${unknown === 'remove' ? deleted : 'kept'}`]
      : []),
    ...(cutouts > 0 ? [`  images of ${cutouts} alerts deleted`] : []),
    ...(corrupt > 0
      ? [
          `  ${corrupt} objects can't be read and stay: delete them with \`hierax store delete\`, and run the command again`
        ]
      : []),
    ...(dryRun ? [] : [`  programmes of the store: ${held.join(', ') || 'none'}`]),
    ''
  ].join('\n')
}
