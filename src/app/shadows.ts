import { admissionOf } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/store.ts'
import { type ShadowResult, Shadows } from '../pipeline/shadows.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { loadModels, readModels } from './models.ts'

/** Pause between two log lines on failures of shadow models, ms. */
const failurePause = 60_000

/** Loads the shadow models of the configuration. Throws as `loadModels`, and CONFIG_INVALID if a model is also in `live`. */
export async function loadShadows(config: Config, live: readonly Classifier[]): Promise<Classifier[]> {
  if (config.shadow.length === 0) return []
  const models = await readModels({ ...config, model: config.shadow })
  for (const { folder, sha256 } of models) {
    const same = live.find(model => model.sha256 === sha256)
    if (!same) continue
    const message = `shadow: ${folder} is ${same.name} ${same.version}, whose classifications are published; name another`
    throw new HieraxError('CONFIG_INVALID', message)
  }
  return loadModels(config, models)
}

/** Runs shadow models beside a pipeline; null without any. */
export function runShadows(
  shadows: readonly Classifier[],
  parts: {
    readonly config: Config
    readonly store: Pick<Store, 'readCache' | 'writeCache'>
    readonly classifiers: readonly Classifier[]
    readonly metrics: Metrics
    readonly logger: Logger
    readonly onResult: (result: ShadowResult) => void
  }
): Shadows | null {
  if (shadows.length === 0) return null
  const { config, store, classifiers, metrics, logger, onResult } = parts
  let logged = Number.NEGATIVE_INFINITY
  return new Shadows({
    store,
    classifiers: shadows,
    live: classifiers[0] as Classifier,
    admission: admissionOf(config),
    onResult(result) {
      const shadow = shadows.find(({ sha256 }) => sha256 === result.sha256)
      if (shadow) metrics.shadow(shadow.name, result)
      onResult(result)
    },
    onFailure({ name, version, sha256 }, { code, message }) {
      if (performance.now() - logged < failurePause) return
      logged = performance.now()
      logger.warn({ name, version, sha256, code, reason: message }, 'a shadow model failed; its alerts are skipped')
    }
  })
}
