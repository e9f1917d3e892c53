/** Groups of classes with common context, prior history and variability. */
export const families = [
  'supernova',
  'tde',
  'agn',
  'nova',
  'cv',
  'periodic',
  'long-period',
  'young-star',
  'flare-star',
  'asteroid',
  'bogus',
  'unknown'
] as const
export type Family = (typeof families)[number]

/** Published types (of TNS, SIMBAD, VSX, GCVS, brokers) by family; the first match counts. */
const patterns: readonly (readonly [Family, RegExp])[] = [
  ['supernova', /^(SN|SLSN|ILRT|LRN|LBV)/],
  ['tde', /^TDE/],
  ['agn', /^(QSO|AGN|Seyfert|blazar|BL ?Lac|LINER)/i],
  ['nova', /^(nova|N[ABCR]?$)/i],
  ['cv', /^(CV|UG|NL|AM$|dwarf nova|DN$|symbiotic|ZAND)/i],
  ['long-period', /^(LPV|M$|Mira|SR|L[BC]?$)/i],
  ['young-star', /^(YSO|[CW]?TTS|IN|FUOR|EXOR|UXOR)/i],
  ['flare-star', /^(flare|UV$|UVN$)/i],
  ['periodic', /^(RR|HADS|DSCT|SXPHE|D?CEP|CW|RV|ELL|R$|E[ABW]?$|ECL|ACV|BY|RS|ROT)/],
  ['asteroid', /^(asteroid|minor planet|solar.system)/i],
  ['bogus', /^bogus/i]
]

/** The family of a published type; `unknown` if none matches. */
export function familyOf(label: string): Family {
  return patterns.find(([, pattern]) => pattern.test(label))?.[0] ?? 'unknown'
}
