import type { Family } from './family.ts'
import type { Quantiles } from './quantiles.ts'

/**
 * Distributions of the catalogue and reference-image fields of an object, measured on the last alert of labelled objects of the public
 * stream. A class with too few objects uses the distributions of a similar class.
 */
export interface ContextDistributions {
  /** The nearest PanSTARRS source: star–galaxy score, distance in arcsec. */
  readonly score: Quantiles
  readonly distance: Quantiles
  /** Its r magnitude minus the mean difference magnitude of the alerts. */
  readonly excess: Quantiles
  /** Its colours g − r, r − i and i − z. */
  readonly colours: readonly [Quantiles, Quantiles, Quantiles]
  /** Distance to the next source, arcsec. */
  readonly nextDistance: Quantiles
  /** Share of objects for which the nearest source in the reference image is that source. */
  readonly sameReference: number
  /** The nearest source in the reference image: magnitude minus the catalogue's, error, shape. */
  readonly offset: Quantiles
  readonly sigma: Quantiles
  readonly chi: Quantiles
  readonly sharp: Quantiles
  /** Share of objects for which Gaia has that source too, and Gaia's magnitude minus r. */
  readonly gaia: number
  readonly gaiaOffset: Quantiles
  /** Distance to the nearest Gaia source elsewhere, arcsec. */
  readonly gaiaDistance: Quantiles
  /** SExtractor's score of the alert itself. */
  readonly classtar: Quantiles
}

/** Distributions of the observations before the first point of a light curve. */
export interface HistoryDistributions {
  /** Share of objects with earlier detections. */
  readonly share: number
  /** Days from the first detection ever to the light curve's first. */
  readonly span: Quantiles
  /** Detections per exposure of the position. */
  readonly rate: Quantiles
  /** Number of exposures of the position. */
  readonly coverage: Quantiles
}

/** Context and history of a family. */
export interface FamilyContext {
  /** Share of objects on a catalogued source (within an arcsec); they use `on`, the others `off`. */
  readonly counterpart: number
  readonly on: ContextDistributions
  readonly off: ContextDistributions
  readonly history: HistoryDistributions
}

const star: ContextDistributions = {
  score: [0.5, 0.985, 0.995, 0.999, 1],
  distance: [0.088, 0.142, 0.228, 0.416, 0.633],
  excess: [-3.19, -2.33, -1.83, -1.54, -0.83],
  colours: [
    [-0.1, 0.2, 0.38, 0.53, 0.99],
    [-0.15, 0.06, 0.17, 0.31, 0.53],
    [-0.13, 0, 0.05, 0.16, 0.35]
  ],
  nextDistance: [1.8, 5.9, 8.1, 12.4, 20.6],
  sameReference: 1,
  offset: [-0.25, -0.17, -0.04, 0.03, 0.09],
  sigma: [0.011, 0.015, 0.017, 0.02, 0.025],
  chi: [0.3, 0.47, 0.69, 1, 1.43],
  sharp: [-0.077, -0.039, -0.02, -0.005, 0.019],
  gaia: 0.97,
  gaiaOffset: [-0.39, -0.18, -0.07, 0, 0.19],
  gaiaDistance: [2, 5, 9, 15, 28],
  classtar: [0.64, 0.92, 0.98, 0.995, 1]
}

const nucleus: ContextDistributions = {
  ...star,
  score: [0.08, 0.92, 0.99, 0.997, 1],
  distance: [0.065, 0.155, 0.237, 0.358, 0.532],
  excess: [-2.25, -1.75, -1.22, -0.64, -0.15],
  colours: [
    [0, 0.18, 0.31, 0.43, 0.66],
    [-0.16, 0.03, 0.21, 0.32, 0.5],
    [-0.15, 0.03, 0.17, 0.27, 0.5]
  ],
  nextDistance: [1.8, 6.6, 11.5, 17.2, 24.6],
  offset: [-0.34, -0.2, -0.04, 0.12, 0.51],
  sigma: [0.015, 0.021, 0.027, 0.04, 0.068],
  chi: [0.32, 0.59, 0.86, 1.09, 2.84],
  sharp: [-0.065, -0.019, 0.004, 0.039, 0.169],
  gaia: 0.92,
  gaiaOffset: [-0.43, -0.2, -0.05, 0.18, 0.51],
  gaiaDistance: [4, 9, 17, 26, 45],
  classtar: [0.68, 0.89, 0.96, 0.98, 0.995]
}

/** The centre of a galaxy. */
const galaxyCore: ContextDistributions = {
  score: [0, 0.002, 0.017, 0.074, 0.5],
  distance: [0.052, 0.222, 0.47, 0.689, 0.877],
  excess: [-2.03, -1.02, -0.14, 1.36, 2.16],
  colours: [
    [-0.1, 0.23, 0.43, 0.64, 0.88],
    [0, 0.16, 0.31, 0.45, 0.55],
    [-0.1, 0.12, 0.22, 0.28, 0.56]
  ],
  nextDistance: [1.1, 2.3, 6.4, 11.7, 22],
  sameReference: 0.95,
  offset: [-2.14, -0.6, -0.41, -0.31, -0.02],
  sigma: [0.038, 0.052, 0.059, 0.092, 0.11],
  chi: [1.16, 2.75, 4, 6.05, 6.73],
  sharp: [0.049, 0.211, 0.294, 0.424, 0.713],
  gaia: 0.35,
  gaiaOffset: [0.02, 0.68, 0.81, 0.94, 1.13],
  gaiaDistance: [5, 12, 20, 30, 45],
  classtar: [0.67, 0.92, 0.98, 0.984, 1]
}

/** Beside a galaxy, or far from any catalogued source. */
const host: ContextDistributions = {
  score: [0, 0.015, 0.144, 0.5, 0.956],
  distance: [1.1, 1.9, 3.3, 5.7, 14.2],
  excess: [-1.1, 0.22, 1.31, 2.36, 3.51],
  colours: [
    [-0.45, 0.24, 0.4, 0.72, 1.19],
    [-0.15, 0.18, 0.36, 0.51, 1.03],
    [-0.16, 0.05, 0.28, 0.42, 0.74]
  ],
  nextDistance: [2.5, 4.5, 8, 13, 22],
  sameReference: 0.6,
  offset: [-2.45, -0.75, -0.4, 0.2, 1],
  sigma: [0.044, 0.075, 0.097, 0.133, 0.322],
  chi: [0.48, 1.11, 3.65, 5.68, 7.86],
  sharp: [-0.331, 0.081, 0.275, 0.453, 0.671],
  gaia: 0,
  gaiaOffset: [0, 0, 0, 0, 0],
  gaiaDistance: [2.5, 8.2, 16.9, 27.8, 54.7],
  classtar: [0.91, 0.98, 0.983, 0.984, 1]
}

/** Anywhere on the sky. */
const field: ContextDistributions = {
  ...host,
  score: [0, 0.021, 0.5, 0.95, 0.998],
  distance: [2.1, 5.2, 9.8, 15, 22.8],
  excess: [-1.12, 1.29, 2.47, 3.25, 4.62],
  nextDistance: [4.1, 9.4, 14.7, 20, 26.1],
  sameReference: 0.35,
  offset: [-0.45, -0.08, 0.5, 1.6, 3.7],
  sigma: [0.019, 0.097, 0.251, 0.317, 0.352],
  chi: [0.35, 0.59, 0.77, 1, 1.42],
  sharp: [-0.509, -0.323, -0.122, -0.01, 0.135],
  gaiaDistance: [3.4, 11, 21, 34, 60],
  classtar: [0.82, 0.97, 0.983, 0.984, 0.998]
}

const once: HistoryDistributions = {
  share: 0.1,
  span: [30, 150, 600, 1400, 2300],
  rate: [0.001, 0.002, 0.004, 0.01, 0.04],
  coverage: [107, 1280, 1743, 2323, 4463]
}

const cataclysmic: ContextDistributions = {
  ...star,
  score: [0.387, 0.969, 0.993, 1, 1],
  distance: [0.008, 0.113, 0.152, 0.275, 0.477],
  excess: [-3.6, -0.63, 0.43, 1.88, 3.19],
  colours: [
    [-0.5, -0.02, 0.14, 0.43, 0.52],
    [-0.5, -0.23, -0.06, 0.17, 0.71],
    [-0.17, 0.04, 0.3, 0.53, 1]
  ],
  sigma: [0.011, 0.015, 0.02, 0.029, 0.073],
  sharp: [-0.154, -0.035, -0.014, -0.002, 0.049],
  gaia: 0.75,
  gaiaDistance: [2, 5, 12, 30, 60],
  classtar: [0.855, 0.98, 0.983, 0.991, 0.998]
}

const cataclysmicHistory: HistoryDistributions = {
  share: 0.95,
  span: [300, 1410, 1910, 2280, 2360],
  rate: [0.012, 0.3, 0.58, 0.64, 0.93],
  coverage: [824, 1533, 2290, 2999, 4721]
}

const contexts: Readonly<Record<Exclude<Family, 'unknown'>, FamilyContext>> = {
  supernova: { counterpart: 0.21, on: galaxyCore, off: host, history: once },
  tde: {
    counterpart: 0.95,
    on: { ...galaxyCore, score: [0, 0.006, 0.03, 0.044, 0.33], distance: [0.058, 0.069, 0.2, 0.312, 0.6] },
    off: host,
    history: once
  },
  agn: {
    counterpart: 0.99,
    on: nucleus,
    off: host,
    history: {
      share: 0.75,
      span: [30, 400, 1000, 1600, 2020],
      rate: [0.004, 0.007, 0.012, 0.278, 0.677],
      coverage: [843, 1292, 1419, 1589, 2659]
    }
  },
  // Most novae have no catalogued counterpart.
  nova: { counterpart: 0.4, on: cataclysmic, off: field, history: { ...cataclysmicHistory, share: 0.2 } },
  cv: { counterpart: 0.89, on: cataclysmic, off: field, history: cataclysmicHistory },
  periodic: {
    counterpart: 1,
    on: star,
    off: field,
    history: {
      share: 1,
      span: [30, 100, 375, 897, 1435],
      rate: [0.144, 0.297, 0.48, 0.626, 0.781],
      coverage: [60, 200, 448, 1255, 2238]
    }
  },
  'long-period': {
    counterpart: 1,
    on: {
      ...star,
      score: [0.5, 0.5, 0.943, 0.981, 0.998],
      distance: [0.033, 0.073, 0.268, 0.412, 0.502],
      excess: [-3.73, -1.99, -1.46, 0.02, 1.44],
      colours: [
        [0.22, 1.4, 2.06, 2.9, 4.5],
        [0.45, 1.01, 1.66, 2.5, 3.94],
        [0.26, 0.8, 1.31, 1.53, 2.88]
      ],
      nextDistance: [0.6, 1.1, 2.7, 5.1, 6.7],
      offset: [-2, -1.1, -0.1, 0.24, 1.85],
      sigma: [0.013, 0.017, 0.023, 0.027, 0.035],
      gaia: 0.41,
      gaiaOffset: [-1.77, -1.47, -0.59, -0.19, 0],
      gaiaDistance: [1.2, 3, 5, 8, 16],
      classtar: [0.969, 0.983, 0.984, 0.999, 1]
    },
    off: field,
    history: {
      share: 0.95,
      span: [58, 1077, 1217, 1316, 2579],
      rate: [0.081, 0.333, 0.479, 0.538, 0.848],
      coverage: [144, 691, 1381, 1555, 3215]
    }
  },
  'young-star': {
    counterpart: 1,
    on: {
      ...star,
      score: [0.5, 0.97, 0.981, 0.995, 1],
      distance: [0.068, 0.102, 0.204, 0.31, 0.643],
      excess: [-2.76, -2.22, -1.37, -0.64, 1.68],
      colours: [
        [0, 0.88, 1.21, 1.74, 2.15],
        [0.29, 0.59, 0.98, 1.46, 2.46],
        [0.16, 0.43, 0.6, 0.8, 1.35]
      ],
      nextDistance: [1.1, 2.7, 5.5, 8.1, 13.1],
      offset: [-1.08, -0.33, -0.1, -0.03, 0.25],
      gaia: 0.89,
      gaiaOffset: [-1.66, -1, -0.4, -0.25, -0.15]
    },
    off: field,
    history: {
      share: 0.98,
      span: [453, 1141, 1622, 2017, 2630],
      rate: [0.03, 0.075, 0.273, 0.442, 0.644],
      coverage: [387, 1342, 1514, 2147, 2880]
    }
  },
  'flare-star': {
    counterpart: 0.97,
    // Red dwarfs.
    on: {
      ...star,
      excess: [-3, -1.5, -0.5, 0.5, 2],
      colours: [
        [0.9, 1.1, 1.2, 1.3, 1.5],
        [0.6, 1, 1.4, 1.8, 2.4],
        [0.3, 0.5, 0.65, 0.8, 1.1]
      ],
      gaiaOffset: [-1.2, -0.9, -0.7, -0.5, -0.3]
    },
    off: field,
    history: {
      share: 0.5,
      span: [20, 200, 700, 1300, 2200],
      rate: [0.001, 0.002, 0.003, 0.006, 0.02],
      coverage: [300, 900, 1400, 2000, 3000]
    }
  },
  asteroid: {
    counterpart: 0.01,
    on: star,
    off: field,
    history: { ...once, share: 0.03, coverage: [97, 384, 787, 1259, 2238] }
  },
  bogus: {
    counterpart: 0.39,
    // Bright stars with poor subtraction.
    on: {
      ...star,
      excess: [-4.28, -3.36, -2.21, -1.02, -0.68],
      offset: [-0.77, -0.11, -0.07, -0.02, 0.08],
      classtar: [0.51, 0.94, 0.995, 0.996, 0.997]
    },
    off: { ...field, classtar: [0.68, 0.97, 0.982, 0.994, 1] },
    history: {
      share: 0.35,
      span: [10, 390, 700, 1100, 1800],
      rate: [0.001, 0.004, 0.011, 0.03, 0.23],
      coverage: [78, 168, 560, 1300, 3400]
    }
  }
}

/** Beside a galaxy, without history: for light curves of unknown type. */
const neutral: FamilyContext = {
  counterpart: 0,
  on: host,
  off: {
    ...host,
    score: [0.003, 0.08, 0.15, 0.23, 0.3],
    distance: [0.8, 1.7, 2.8, 3.9, 5],
    excess: [-0.3, 0.15, 0.5, 0.85, 1.3],
    sameReference: 1,
    offset: [-0.3, -0.13, 0, 0.13, 0.3],
    gaiaDistance: [3, 12, 21, 30, 40]
  },
  history: { share: 0, span: [0, 0, 0, 0, 0], rate: [0, 0, 0, 0, 0], coverage: [150, 480, 820, 1160, 1500] }
}

/** Context and history of a family. */
export function contextOf(family: Family): FamilyContext {
  return family === 'unknown' ? neutral : contexts[family]
}
