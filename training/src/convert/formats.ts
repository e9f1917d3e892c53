import type { Table } from './row.ts'

/** What a column is for. */
export type Role =
  | 'id'
  | 'mjd'
  | 'jd'
  | 'utc'
  /** Modified Julian date in international atomic time. */
  | 'tai'
  /** At the Sun or the barycentre. */
  | 'heliocentric'
  /** Of a system that the name does not state. */
  | 'time'
  | 'band'
  | 'survey'
  | 'mag'
  | 'magError'
  | 'totalMag'
  | 'totalMagError'
  | 'limit'
  | 'sign'
  | 'flux'
  | 'fluxError'
  | 'zeroPoint'
  | 'magSystem'
  | 'ra'
  | 'dec'
  | 'tag'
  | 'status'
  | 'infobits'
  | 'noise'
  | 'seeing'

/** How one tool writes light curves: one description of columns. */
export interface Format {
  /** As `--format` takes it. */
  readonly name: string
  readonly title: string
  /** Sets of columns; a table that has all of one is of this format. */
  readonly marks: readonly string[]
  /** Names of columns by their meaning, the preferred ones first. */
  readonly columns: Partial<Record<Role, string>>
  /** Names and beginnings (`i:*`) of columns that are not needed. */
  readonly ignored: string
  /** Whether the tool holds photometry of any survey. */
  readonly anySurvey?: true
  /** Whether its magnitudes or fluxes are never those of the object as a whole. */
  readonly differences?: true
  /** Zero point of fluxes, AB mag, where the tool has a fixed unit. */
  readonly zeroPoint?: number
  /** Survey of bands without its name, if it is not ZTF. */
  readonly survey?: string
  /** Lists in JSON whose magnitudes are forced: detections only if they are significant. */
  readonly forced?: string
}

/** Zero points of fluxes by the unit in the name of the column, AB mag. */
export const unitZeroPoints = { jy: 8.9, mjy: 16.4, ujy: 23.9, µjy: 23.9, μjy: 23.9, njy: 31.4 }
const units = Object.keys(unitZeroPoints)
const inUnits = (names: string): string =>
  [
    names,
    ...names
      .split(' ')
      .flatMap(name => units.flatMap(unit => [`${name}_${unit}`, `${name}${unit}`, `${name}(${unit})`]))
  ].join(' ')

/** Columns of ZTF's alerts that are not needed. */
const ztf =
  'candid pid nid rcid field xpos ypos programid programpi pdiffimfilename tblid schemavsn publisher rb rbversion drb drbversion distnr magnr sigmagnr chinr sharpnr ranr decnr sky magdiff fwhm classtar mindtoedge magfromlim seeratio aimage bimage aimagerat bimagerat elong nneg nbad ssdistnr ssmagnr ssnamenr sumrat magap sigmagap magapbig sigmagapbig ndethist ncovhist jdstarthist jdendhist scorr tooflag objectidps1 objectidps2 objectidps3 sgmag1 srmag1 simag1 szmag1 sgscore1 distpsnr1 sgmag2 srmag2 simag2 szmag2 sgscore2 distpsnr2 sgmag3 srmag3 simag3 szmag3 sgscore3 distpsnr3 nmtchps rfid jdstartref jdendref nframesref dsnrms ssnrms dsdiff magzpsci magzpsciunc magzpscirms nmatches clrcoeff clrcounc zpclrcov zpmed clrmed clrrms neargaia neargaiabright maggaia maggaiabright exptime scibckgnd scisigpix sciinpseeing adpctdif1 adpctdif2 clrcoeffunc'

/** Columns that brokers add to those of ZTF. */
const brokers =
  '_id aid jd measurement_id has_stamp corrected dubious stellar step_id_corr phase parent_candid e_ra e_dec forced new unparsed_fid unparsed_jd unparsed_isdiffpos extra_fields band_map created_date last_update timestamp ssobjectid visit detector forcediffimflux forcediffimfluxunc forcediffimsnr scienceflux sciencefluxerr utc dc_* since_now image_urls candidate_id htmid16 forcediffimchisq forcediffimfluxap forcediffimfluxuncap avro chipsf chinr_ref alert_id cutout*'

/** Columns of Rubin that are not needed. */
const rubin =
  'diasourceid diaforcedsourceid parentdiasourceid ssobjectid visit detector reliability snr apflux apfluxerr scienceflux sciencefluxerr templateflux templatefluxerr ra_dec_cov raerr decerr x y xerr yerr timeprocessedmjdtai timewithdrawnmjdtai extendedness psf* trail* dipole* ix* iy* is* bbox* pixelflags* mjd utc imageurls glint* centroid_flag shape_flag forced_* apflux_*'

/** Columns that pandas and database exports add. */
const index = 'unnamed:* index level_0'

export const formats: readonly Format[] = [
  {
    name: 'ipac',
    title: 'IPAC forced photometry',
    differences: true,
    marks: ['forcediffimflux forcediffimfluxunc zpdiff jd filter'],
    columns: {
      ...{ jd: 'jd', band: 'filter', flux: 'forcediffimflux', fluxError: 'forcediffimfluxunc', zeroPoint: 'zpdiff' },
      ...{ status: 'procstatus', infobits: 'infobitssci', noise: 'scisigpix', seeing: 'sciinpseeing' },
      ...{ id: 'objectid name', ra: 'ra', dec: 'dec' }
    },
    ignored: `${index} ${ztf} sindex ccdid qid diffmaglim zpmaginpsci zpmaginpsciunc zpmaginpscirms ncalmatches forcediffimsnr forcediffimchisq forcediffimfluxap forcediffimfluxuncap forcediffimsnrap aperturecorr dnearestrefsrc nearestrefmag nearestrefmagunc nearestrefchi nearestrefsharp refjdstart refjdend mjd`
  },
  {
    name: 'fink',
    title: 'Fink',
    differences: true,
    marks: ['i:jd i:fid'],
    columns: {
      ...{ id: 'i:objectid', jd: 'i:jd', band: 'i:fid', tag: 'd:tag', ra: 'i:ra', dec: 'i:dec' },
      ...{ mag: 'i:magpsf', magError: 'i:sigmapsf', limit: 'i:diffmaglim', sign: 'i:isdiffpos' }
    },
    ignored: `${index} i:* d:* v:* b:* c:* key:*`
  },
  {
    name: 'fink-lsst',
    title: 'Fink (Rubin)',
    differences: true,
    marks: ['r:midpointmjdtai r:band', 'i:midpointmjdtai i:band'],
    columns: {
      ...{ id: 'r:diaobjectid i:diaobjectid', tai: 'r:midpointmjdtai i:midpointmjdtai', band: 'r:band i:band' },
      ...{ flux: 'r:psfflux i:psfflux', fluxError: 'r:psffluxerr i:psffluxerr', ra: 'r:ra i:ra', dec: 'r:dec i:dec' }
    },
    ignored: `${index} r:* f:* i:* d:* v:* b:* c:* key:*`,
    zeroPoint: unitZeroPoints.njy,
    survey: 'lsst'
  },
  {
    name: 'lasair',
    title: 'Lasair',
    marks: ['jd fid magpsf', 'jd fid diffmaglim', 'jd fid forcediffimflux', 'mjd fid magpsf decl', 'mjd fid dc_mag'],
    columns: {
      ...{
        id: 'objectid oid',
        jd: 'jd',
        mjd: 'mjd',
        band: 'fid',
        mag: 'magpsf',
        magError: 'sigmapsf',
        limit: 'diffmaglim'
      },
      ...{ totalMag: 'dc_mag', totalMagError: 'dc_sigmag', sign: 'isdiffpos', ra: 'ra', dec: 'dec decl' },
      ...{ flux: 'forcediffimflux', fluxError: 'forcediffimfluxunc', zeroPoint: 'magzpsci', status: 'procstatus' },
      ...{ noise: 'scisigpix', seeing: 'sciinpseeing' }
    },
    ignored: `${index} ${ztf} ${brokers}`
  },
  {
    name: 'alerce',
    title: 'ALeRCE',
    marks: ['mjd fid magpsf', 'mjd fid diffmaglim', 'mjd fid mag e_mag', 'mjd band magpsf', 'mjd band_name psfflux'],
    columns: {
      ...{ id: 'oid objectid', mjd: 'mjd', band: 'fid band_name band', mag: 'magpsf mag', magError: 'sigmapsf e_mag' },
      ...{
        totalMag: 'magpsf_corr mag_corr',
        totalMagError: 'sigmapsf_corr_ext e_mag_corr_ext sigmapsf_corr e_mag_corr'
      },
      ...{ limit: 'diffmaglim', sign: 'isdiffpos', survey: 'tid sid survey_id', ra: 'ra', dec: 'dec decl' },
      ...{ status: 'procstatus', flux: 'psfflux', fluxError: 'psffluxerr' }
    },
    ignored: `${index} ${ztf} ${brokers} ${rubin} diaobjectid midpointmjdtai isnegative`,
    zeroPoint: unitZeroPoints.njy,
    forced: 'forced_photometry forced_photometries'
  },
  {
    name: 'lasair-lsst',
    title: 'Lasair (Rubin)',
    differences: true,
    marks: ['midpointmjdtai band psfflux', 'midpointtai filtername psflux', 'midpointtai filtername dianoise'],
    columns: {
      ...{ id: 'diaobjectid', tai: 'midpointmjdtai midpointtai', band: 'band filtername', ra: 'ra', dec: 'dec decl' },
      ...{ flux: 'psfflux psflux', fluxError: 'psffluxerr psfluxerr dianoise' }
    },
    ignored: `${index} ${rubin} isnegative`,
    zeroPoint: unitZeroPoints.njy,
    survey: 'lsst'
  },
  {
    name: 'skyportal',
    title: 'SkyPortal photometry',
    anySurvey: true,
    marks: [
      'filter mag',
      'filter flux',
      'filter magnitude',
      'band mag',
      'band flux',
      'band magnitude',
      ...units.flatMap(unit => [`filter flux_${unit}`, `band flux_${unit}`])
    ],
    columns: {
      ...{
        id: 'obj_id objectid object_id object source_id name',
        mjd: 'mjd obsmjd mjd_obs mjd_utc',
        jd: 'jd obsjd jd_utc'
      },
      ...{
        utc: 'iso isot utc date_utc datetime',
        heliocentric: 'hjd bjd bjd_tdb hmjd bmjd mjd_tdb',
        time: 'time t date epoch'
      },
      ...{ band: 'filter band passband filt', survey: 'instrument_name instrument survey telescope' },
      ...{
        mag: 'mag magnitude',
        magError: 'magerr mag_err e_mag magnitude_error mag_unc emag dmag sigma_mag',
        sign: 'isdiffpos'
      },
      ...{
        limit: 'limiting_mag limmag maglim diffmaglim lim_mag limiting_magnitude mag_limit',
        magSystem: 'magsys mag_sys zpsys'
      },
      ...{ flux: inUnits('flux'), zeroPoint: 'zp zeropoint zero_point', ra: 'ra', dec: 'dec decl' },
      fluxError: `${inUnits('fluxerr flux_err e_flux flux_error flux_unc fluxunc')} ${units.map(unit => `flux_${unit}_err`).join(' ')}`
    },
    ignored: `${index} id instrument_id snr origin altdata* annotations* owner owner_id group_ids groups* streams* stream_ids ra_unc dec_unc created_at created_at_utc modified edit delete assignment_id alert_id hash phot_id upload_id nan_flux nan_fluxerr original_user_data validations validation_status explanation notes ref_* tot_* magref e_magref magtot e_magtot mag_ref* extinction* mag_corr* autodelete comments`
  },
  {
    name: 'nmma',
    title: 'NMMA',
    anySurvey: true,
    marks: [],
    columns: { time: 'time', band: 'filter', mag: 'mag', magError: 'magerr' },
    ignored: ''
  }
]

/** The columns of a list of names. */
export const namesOf = (names: string | undefined): string[] =>
  names === undefined || names === '' ? [] : names.split(' ')

/** The format of a table by its columns; null if it has none that is known. */
export function recognised({ columns, headless }: Pick<Table, 'columns' | 'headless'>): Format | null {
  const found = headless
    ? formats.find(({ name }) => name === 'nmma')
    : formats.find(({ marks }) => marks.some(mark => namesOf(mark).every(name => columns.has(name))))
  return found ?? null
}

/** Columns of a table that are ignored, and those that have no place in the format. */
export function unusedColumns(format: Format, columns: Iterable<string>): { ignored: string[]; unknown: string[] } {
  const used = new Set(Object.values(format.columns).flatMap(namesOf))
  const known = ['', ...namesOf(format.ignored)]
  const isKnown = (name: string): boolean =>
    known.some(each => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name))
  const rest = [...columns].filter(name => !used.has(name))
  return { ignored: rest.filter(isKnown), unknown: rest.filter(name => !isKnown(name)) }
}
