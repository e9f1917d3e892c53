import fc from 'fast-check'
import type { AlertView } from '../../../src/classifier/types.ts'
import { type AlertContext, contextFields } from '../../../src/lightcurves/points/observation.ts'

/** A packet that says nothing beside its photometry. */
export const emptyContext = Object.fromEntries(contextFields.map(field => [field, null])) as unknown as AlertContext

/** An alert on a star that has varied for years. */
export const onStar: AlertView = {
  jd: 2459000,
  magnitude: 18.5,
  context: {
    sgscore1: 0.99,
    distpsnr1: 0.12,
    sgmag1: 17.5,
    srmag1: 16.9,
    simag1: 16.6,
    szmag1: 16.4,
    sgscore2: 0.9,
    distpsnr2: 8,
    distnr: 0.15,
    magnr: 17,
    chinr: 0.9,
    sharpnr: 0.01,
    neargaia: 0.1,
    maggaia: 16.8,
    classtar: 0.98,
    ndethist: 300,
    ncovhist: 900,
    jdstarthist: 2458200
  }
}

/** An alert beside a galaxy, of an object that is new. */
export const besideGalaxy: AlertView = {
  jd: 2459000,
  magnitude: 18.5,
  context: {
    ...onStar.context,
    sgscore1: 0.02,
    distpsnr1: 3.2,
    distnr: 3.1,
    chinr: 5,
    sharpnr: 0.4,
    neargaia: 17,
    ndethist: 6,
    jdstarthist: 2458990
  }
}

/** Any field, of any size, or none. */
export const anyContext: fc.Arbitrary<AlertContext> = fc.record(
  Object.fromEntries(
    contextFields.map(field => [field, fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null })])
  )
) as fc.Arbitrary<Record<string, number | null>> as fc.Arbitrary<AlertContext>
