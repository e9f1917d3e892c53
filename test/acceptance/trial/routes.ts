import fs from 'node:fs'
import type { Classification } from '../../../src/messages/classification.ts'
import type { JudgedTopic } from './route-judge.ts'

type Conditions = (body: Classification) => Readonly<Record<string, boolean>>

/** Routes of a group in a trial, as the setting and as checks that share no code with the service. */
export function trialRoutes(group: string): { setting: string; topics: JudgedTopic[] } {
  const pure = purityCheck('Transient', 0.95)
  const kept = purityCheck('Persistent', 0.99)
  const topics = [
    topicOf(`${group}.pure`, false, [
      'Transient@purity>=0.95 & minDetections=2',
      body => ({ minProbability: pure(body), minDetections: body.lightCurve.detections >= 2 })
    ]),
    topicOf(`${group}.young`, true, [
      'Transient>=0.3 & maxAgeDays=20',
      body => ({
        minProbability: probability(body, 'Transient') >= 0.3,
        maxAgeDays: body.jd - (body.lightCurve.firstDetectionJd ?? Number.NEGATIVE_INFINITY) <= 20
      })
    ]),
    topicOf(
      `${group}.either`,
      true,
      [
        'Persistent@purity>=0.99 & maxMagnitude=18.5',
        body => ({ minProbability: kept(body), maxMagnitude: (body.alert?.magnitude ?? 99) <= 18.5 })
      ],
      [
        'SN Ia>=0.5 | TDE>=0.1 & band=g',
        body => ({
          any: probability(body, 'SN Ia') >= 0.5 || probability(body, 'TDE') >= 0.1,
          band: body.alert?.band === 'g'
        })
      ]
    )
  ]
  return { setting: topics.map(({ setting }) => setting).join(';'), topics }
}

function topicOf(topic: string, retract: boolean, ...routes: [text: string, conditions: Conditions][]) {
  return {
    topic,
    retract,
    setting: routes.map(([text]) => `${topic}=${text}${retract ? ' & retract' : ''}`).join(';'),
    routes: routes.map(([, conditions]) => (body: Classification) => {
      const held = Object.entries(conditions(body))
      return held.filter(([, isMet]) => !isMet).map(([key]) => key)
    })
  }
}

function probability(body: Classification, node: string): number {
  return body.nodes.find(({ name }) => name === node)?.probability ?? Number.NEGATIVE_INFINITY
}

interface PurityRow {
  readonly population: string
  readonly node: string
  readonly fromDetections: number
  readonly untilDetections: number | null
  readonly thresholds: readonly { readonly threshold: number; readonly purity: number }[]
}

/** Whether P(node) reaches the purity that the card of the bundled model expects for the stream, at every higher threshold too. */
function purityCheck(node: string, least: number): (body: Classification) => boolean {
  const card = JSON.parse(fs.readFileSync(new URL('../../../models/ztf-hawk-2/card.json', import.meta.url), 'utf8'))
  const rows = (card.purity as PurityRow[]).filter(row => row.population === 'stream' && row.node === node)
  return body => {
    const { detections } = body.lightCurve
    const row = rows.find(
      ({ fromDetections: from, untilDetections: until }) => detections >= from && detections <= (until ?? detections)
    )
    const reached = row?.thresholds.filter(({ threshold }) => threshold <= probability(body, node)).at(-1)
    return reached !== undefined && !row?.thresholds.some(t => t.threshold >= reached.threshold && t.purity < least)
  }
}
