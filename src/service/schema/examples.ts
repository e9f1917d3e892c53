import type { ClassificationJson } from '../../messages/classification.ts'
import type { Problem } from './problems.ts'
import type {
  DisagreementsView,
  HistoryView,
  Liveness,
  ModelsView,
  ObjectView,
  Readiness,
  StatisticsView,
  TaxonomyView
} from './schemas.ts'

/* Examples of responses, for the OpenAPI document and the docs. Tests check them against the schemas. */

export const problem: Problem = {
  type: 'urn:hierax:error:OBJECT_NOT_FOUND',
  title: 'Object not found',
  status: 404,
  detail: 'no alert of "ZTF20aaaaaaa" was received',
  code: 'OBJECT_NOT_FOUND',
  remedy: 'Request an object for which an alert was received.'
}

const classifier = {
  name: 'example',
  version: '1.0.0',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  taxonomy: 'example',
  taxonomyVersion: '1'
}

export const classification = {
  id: 'ZTF20aaelulu:1103449531415015006:1f0c3a5b7d9e:0123456789abcdef',
  objectId: 'ZTF20aaelulu',
  candid: '1103449531415015006',
  jd: 2458856.9495718,
  ra: 185.7289,
  dec: 15.8236,
  programId: 1,
  status: 'CLASSIFIED',
  reason: null,
  alert: {
    band: 'r',
    magnitude: 17.25,
    error: 0.06,
    positive: true,
    realBogus: 0.98,
    starScore: 0.02,
    starDistance: 6.5,
    solarSystemDistance: null,
    solarSystemName: null
  },
  nodes: [
    { name: 'Transient', parent: null, conditional: 0.99, probability: 0.99 },
    { name: 'Persistent', parent: null, conditional: 0.01, probability: 0.01 },
    { name: 'SN Ia', parent: 'Transient', conditional: 0.25, probability: 0.2475 },
    { name: 'CC', parent: 'Transient', conditional: 0.75, probability: 0.7425 }
  ],
  prediction: { node: 'CC', probability: 0.7425, path: ['Transient', 'CC'] },
  novelty: null,
  classifier,
  lightCurve: {
    detections: 3,
    upperLimits: 12,
    firstJd: 2458827.03,
    lastJd: 2458856.9495718,
    latest: { g: 17.5, r: 17.25 },
    fingerprint: '0123456789abcdef',
    revision: 20,
    firstDetectionJd: 2458852.9411,
    lastDetectionJd: 2458856.9495718,
    ndethist: 4,
    jdstarthist: 2458850.9023,
    peak: { g: { jd: 2458852.9411, magnitude: 17.5 }, r: { jd: 2458856.9495718, magnitude: 17.25 } },
    droppedPoints: 0
  },
  // The softmax of the sums is .99 and .01.
  evidence: [
    { node: 'Transient', lightCurve: -0.5, context: 3.25, prior: -2.125 },
    { node: 'Persistent', lightCurve: -1.0, context: -3.25, prior: 0.28 }
  ],
  context: {
    sgscore1: 0.02,
    distpsnr1: 6.5,
    sgmag1: 16.75,
    srmag1: 16,
    simag1: 15.75,
    szmag1: 15.5,
    sgscore2: 0.98,
    distpsnr2: 14.25,
    distnr: 5.5,
    magnr: 18.25,
    chinr: 1.5,
    sharpnr: 0.25,
    neargaia: 14.25,
    maggaia: 18.5,
    classtar: 0.97,
    ndethist: 4,
    ncovhist: 310,
    jdstarthist: 2458850.9023
  },
  population: { name: 'stream', shares: { Transient: 0.04, Persistent: 0.96 } }
} satisfies ClassificationJson

export const object: ObjectView = {
  objectId: 'ZTF20aaelulu',
  lightCurve: [
    {
      jd: 2458852.5,
      mjd: 58852,
      band: 'g',
      type: 'upperLimit',
      magnitude: 19.5,
      error: null,
      positive: null,
      candid: null,
      realBogus: null,
      solarSystemDistance: null,
      admitted: true
    },
    {
      jd: 2458856.9495718,
      mjd: 58856.4495718,
      band: 'r',
      type: 'detection',
      magnitude: 17.25,
      error: 0.06,
      positive: true,
      candid: '1103449531415015006',
      realBogus: 0.98,
      solarSystemDistance: null,
      admitted: true
    }
  ],
  newest: { candid: '1103449531415015006', jd: 2458856.9495718, ra: 185.7289, dec: 15.8236, programId: 1 },
  classification
}

export const history: HistoryView = {
  objectId: 'ZTF20aaelulu',
  classifier,
  nodes: [
    { name: 'Transient', parent: null },
    { name: 'Persistent', parent: null },
    { name: 'SN Ia', parent: 'Transient' },
    { name: 'CC', parent: 'Transient' }
  ],
  moments: [
    {
      jd: 2458855.9411,
      mjd: 58855.4411,
      band: 'g',
      candid: '1102441111115015001',
      detections: 2,
      probabilities: [0.9, 0.1, 0.405, 0.495],
      prediction: { node: 'Transient', probability: 0.9, path: ['Transient'] },
      novelty: null,
      evidence: [
        { node: 'Transient', lightCurve: -0.7, context: 2.6, prior: -2.125 },
        { node: 'Persistent', lightCurve: -0.7, context: -2, prior: 0.28 }
      ]
    },
    {
      jd: 2458856.9495718,
      mjd: 58856.4495718,
      band: 'r',
      candid: '1103449531415015006',
      detections: 3,
      probabilities: [0.99, 0.01, 0.2475, 0.7425],
      prediction: { node: 'CC', probability: 0.7425, path: ['Transient', 'CC'] },
      novelty: null,
      evidence: classification.evidence
    }
  ]
}

export const statistics: StatisticsView = {
  alerts: 1200,
  outcomes: { classified: 1100, notClassified: 98, deadLetters: 2 },
  lag: 40,
  objects: 310,
  minute: {
    perSecond: Array.from({ length: 60 }, (_, second) => (second < 58 ? 0 : 20)),
    classified: 37,
    notClassified: 3,
    reasons: { BOGUS: 3 },
    nodes: { 'SN Ia': 20, CC: 15, '': 2 }
  }
}

export const taxonomy: TaxonomyView = {
  name: 'example',
  version: '1',
  model: 'example',
  root: 'Object',
  nodes: [
    { name: 'Transient', parent: null, description: 'fades for good' },
    { name: 'Persistent', parent: null },
    { name: 'SN Ia', parent: 'Transient' },
    { name: 'CC', parent: 'Transient' }
  ]
}

const oneModel = { ...classifier, runtime: 'wasm', nodes: 4, population: classification.population }

export const model: ModelsView = { ...oneModel, models: [oneModel] }

export const disagreements: DisagreementsView = {
  since: '2026-03-01T12:00:00.000Z',
  models: [
    {
      model: { ...classifier, name: 'candidate', version: '0.2' },
      alerts: 1000,
      agreement: 0.94,
      same: 940,
      ancestor: 40,
      different: 20,
      incomparable: 0,
      skipped: { busy: 0, failed: 0 },
      seconds: 1.7,
      pairs: [
        { live: 'SN Ia', shadow: 'SN Ia', agreement: 'same', alerts: 940 },
        { live: 'SN Ia', shadow: 'Transient', agreement: 'ancestor', alerts: 40 },
        { live: 'SN Ia', shadow: 'CC', agreement: 'different', alerts: 20 }
      ]
    }
  ],
  disagreements: [
    {
      objectId: classification.objectId,
      candid: classification.candid,
      jd: classification.jd,
      agreement: 'different',
      live: { node: 'SN Ia', probability: 0.62 },
      shadow: { node: 'CC', probability: 0.55 },
      model: { name: 'candidate', version: '0.2', sha256: classifier.sha256 }
    }
  ]
}

export const readiness: Readiness = {
  ready: true,
  parts: {
    consumer: { ready: true, reason: 'waiting for a topic' },
    producer: { ready: true, reason: 'connected' },
    store: { ready: true, reason: 'open' },
    model: { ready: true, reason: 'loaded' }
  }
}

export const liveness: Liveness = { ok: true, reason: 'working' }

export const stuck: Liveness = { ok: false, reason: 'a batch takes too long' }

export const notReady: Readiness = {
  ready: false,
  parts: { ...readiness.parts, producer: { ready: false, reason: 'disconnected' } }
}

export const event = `event: classification\ndata: ${JSON.stringify(classification)}\n\n`

export const queryLines = `${JSON.stringify(classification)}\n${JSON.stringify({ cursor: null, objects: 1 })}\n`
