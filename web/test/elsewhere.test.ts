import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhere } from '../src/data/elsewhere.ts'

const place = { ra: 185.7289, dec: -15.8236 }

test('an object of ZTF is linked to its page at every broker, and its position to the Transient Name Server', () => {
  assert.deepEqual(elsewhere('ZTF20aaelulu', place), [
    ['ALeRCE', 'https://alerce.online/object/ZTF20aaelulu'],
    ['ANTARES', 'https://antares.noirlab.edu/loci/lookup/ZTF20aaelulu'],
    ['Babamul', 'https://babamul.caltech.edu/objects/ZTF/ZTF20aaelulu'],
    ['Fink', 'https://ztf.fink-portal.org/ZTF20aaelulu'],
    ['Lasair', 'https://lasair-ztf.lsst.ac.uk/objects/ZTF20aaelulu/'],
    ['TNS', 'https://www.wis-tns.org/search?ra=185.728900&decl=-15.823600&radius=5&coords_unit=arcsec']
  ])
})

test('what others do not know is not linked', () => {
  assert.deepEqual(elsewhere('ZTF20simulab', place), [])
  assert.deepEqual(elsewhere('ZTF20aaelulu', null).length, 5)
  assert.deepEqual(
    elsewhere('170059286935240883/../x', place).map(([name]) => name),
    ['TNS']
  )
})
