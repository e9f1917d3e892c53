import { models } from '../data/live.ts'
import { currentClassification, object } from '../data/object.ts'
import type { Classification } from '../data/types.ts'
import { mjdZero, utcOf } from '../draw/format.ts'
import { Fact, Panel } from './panel.tsx'

/** The alert, light curve and model of the current classification. */
export function Provenance() {
  const current = currentClassification.value
  if (!current) return null
  const { classifier, lightCurve, alert } = current
  const running = models.value.find(({ sha256 }) => sha256 === classifier.sha256)
  return (
    <Panel title="Alert and provenance" id="provenance">
      <dl class="facts">
        <Fact name="alert" value={`candid ${current.candid}`} />
        <Fact name="time" value={`${utcOf(current.jd)} UTC, MJD ${(current.jd - mjdZero).toFixed(5)}`} />
        {alert && (
          <>
            <Fact
              name="photometry"
              value={`${alert.band} ${alert.magnitude.toFixed(3)} ± ${alert.error.toFixed(3)}, ${alert.positive ? 'brighter' : 'fainter'} than the reference`}
            />
            <Fact name="real–bogus" value={numberOr(alert.realBogus, 3)} />
            <Fact
              name="minor planet"
              value={alert.solarSystemDistance === null ? 'none nearby' : `${alert.solarSystemDistance.toFixed(1)}″`}
            />
          </>
        )}
        {current.status === 'CLASSIFIED' && (
          <Fact
            name="novelty"
            value={current.novelty === null ? 'not given by this model' : current.novelty.toFixed(3)}
          />
        )}
        <Fact name="programme" value={String(current.programId)} />
        <Fact name="model" value={`${classifier.name} ${classifier.version}${running ? `, ${running.runtime}` : ''}`} />
        <Fact name="SHA-256" value={classifier.sha256} long />
        <Fact name="taxonomy" value={`${classifier.taxonomy} ${classifier.taxonomyVersion}`} />
        <Fact name="population" value={populationText(current.population)} />
        <Fact
          name="light curve"
          value={`${lightCurve.detections} detections, ${lightCurve.upperLimits} upper limits, revision ${lightCurve.revision}`}
        />
        <Fact name="fingerprint" value={lightCurve.fingerprint} long />
        <Fact name="classification id" value={current.id} long />
      </dl>
    </Panel>
  )
}

/** `stream: Transient 0.04, Persistent 0.96` */
function populationText(population: Classification['population']): string {
  if (population === null) return 'the class mix of the training set'
  const shares = Object.entries(population.shares).map(([node, share]) => `${node} ${share}`)
  return `${population.name}: ${shares.join(', ')}`
}

function numberOr(value: number | null, decimals: number): string {
  return value === null ? 'unknown' : value.toFixed(decimals)
}

/** The light curve as a table. */
export function PointTable() {
  const points = object.value?.lightCurve ?? []
  if (points.length === 0) return null
  return (
    <details class="panel table">
      <summary>Light curve as a table ({points.length} points)</summary>
      <table>
        <thead>
          <tr>
            {['MJD', 'band', 'kind', 'magnitude', 'error', 'sign', 'real–bogus', 'classified'].map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map(({ mjd, band, type, magnitude, error, positive, realBogus, admitted }) => (
            <tr key={`${mjd}${band}`}>
              <td>{mjd.toFixed(5)}</td>
              <td>{band}</td>
              <td>{type === 'detection' ? 'detection' : 'upper limit'}</td>
              <td>{magnitude.toFixed(3)}</td>
              <td>{error?.toFixed(3) ?? ''}</td>
              <td>{positive === null ? '' : positive ? '+' : '−'}</td>
              <td>{realBogus?.toFixed(2) ?? ''}</td>
              <td>{admitted ? 'yes' : 'rejected'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}
