import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NoveltyProbe } from '../../../src/classifier/probabilities/novelty.ts'

const number = fc.double({ min: -1e3, max: 1e3, noNaN: true })

test('the score is, to the last bit, that of a plain product row by row', () => {
  const sizes = fc.integer({ min: 1, max: 23 })
  const numbers = (length: number) => fc.array(number, { minLength: length, maxLength: length })
  const inputs = sizes.chain(size => fc.tuple(numbers(size), numbers(size), numbers((size * (size + 1)) / 2)))
  fc.assert(
    fc.property(inputs, ([mean, centre, elements]) => {
      const whitening = centre.map((_, row) => elements.slice((row * (row + 1)) / 2, ((row + 1) * (row + 2)) / 2))
      const features = { mean: Float32Array.from(mean), energy: 2, detections: 1 }
      const spread = { mean: 0, deviation: 1 }
      const probe = new NoveltyProbe({ centre, whitening, distance: spread, energy: spread, levels: [0, 1], scale: [] })
      let squares = 0
      for (const row of whitening) {
        let sum = 0
        for (const [column, element] of row.entries()) {
          sum += element * ((features.mean[column] as number) - (centre[column] as number))
        }
        squares += sum * sum
      }
      assert.equal(probe.score(features), Math.log(squares) + 2)
    })
  )
})
