/** ZTF's ids; other services do not know others. */
const ztfId = /^ZTF\d\d[a-z]{7}$/

/** Whether an object is simulated: nobody else knows it. */
export const isSimulated = (id: string): boolean => /^ZTF\d\dsim/.test(id)

/** Pages of other services: those of the object if they may know its id, and the Transient Name Server's of its position. */
export function elsewhere(
  id: string,
  place: { readonly ra: number; readonly dec: number } | null
): readonly (readonly [name: string, address: string])[] {
  if (isSimulated(id)) return []
  const brokers = [
    ['ALeRCE', `https://alerce.online/object/${id}`],
    ['ANTARES', `https://antares.noirlab.edu/loci/lookup/${id}`],
    ['Babamul', `https://babamul.caltech.edu/objects/ZTF/${id}`],
    ['Fink', `https://ztf.fink-portal.org/${id}`],
    ['Lasair', `https://lasair-ztf.lsst.ac.uk/objects/${id}/`]
  ] as const
  const cone = place && `ra=${place.ra.toFixed(6)}&decl=${place.dec.toFixed(6)}&radius=5&coords_unit=arcsec`
  return [
    ...(ztfId.test(id) ? brokers : []),
    ...(cone ? [['TNS', `https://www.wis-tns.org/search?${cone}`] as const] : [])
  ]
}
