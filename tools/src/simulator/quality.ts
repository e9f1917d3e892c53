import { rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import type { Random } from '@hierax/training/random.ts'
import { drawFrom, type Quantiles } from './quantiles.ts'

/** Scores that the survey gives to what is bogus; the second one is below 0.2 for all of them. */
const bogusRb: Quantiles = [0.15, 0.2, 0.38, 0.6, 0.83]
const bogusDrb: Quantiles = [0, 0.003, 0.02, 0.045, 0.1]

/** The score of the random forest and the nearest solar-system object: histories repeat these. */
export function qualityFields(point: SimulatedPoint, draw: Random): Readonly<Record<string, unknown>> {
  const rb = point.refused === 'bogus' ? drawFrom(bogusRb, draw) : draw.uniform(0.65, 0.98)
  if (point.refused !== 'solar-system') return { rb: rounded(rb, 7), ssdistnr: -999, ssmagnr: -999, ssnamenr: 'null' }
  return {
    rb: rounded(rb, 7),
    // Whole arcsec; nearly always the object itself.
    ssdistnr: draw.uniform() < 0.9 ? 0 : draw.integer(1, 4),
    ssmagnr: rounded(point.magnitude + draw.normal() * 0.2, 1),
    ssnamenr: String(draw.integer(1000, 600_000))
  }
}

/** The score of the network, which only a packet's own candidate has. */
export function networkScore(point: SimulatedPoint, draw: Random): number {
  return point.refused === 'bogus' ? drawFrom(bogusDrb, draw) : 1 - 10 ** -draw.uniform(2, 5)
}
