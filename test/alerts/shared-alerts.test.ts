import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { crc32, createGunzip, deflateRawSync } from 'node:zlib'
import avro from 'avsc'
import snappy from 'snappyjs'
import tar from 'tar-stream'
import { type Alert, History } from '../../src/alerts/alert.ts'
import { openContainer, readBlocks } from '../../src/alerts/avro/container.ts'
import { defaultLimits } from '../../src/alerts/avro/limits.ts'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { HieraxError } from '../../src/errors.ts'
import { bandOf, type FilterId } from '../../src/lightcurves/points/observation.ts'
import { needsShared, shared, sharedFiles } from '../support/shared.ts'
import { bigLong, block, head } from './packets.ts'
import { refused } from './support.ts'

const { decode } = createDecoder()

/** Fields that an independent reader decodes. */
interface Packet {
  schemavsn?: string
  objectId: string
  candid: bigint
  candidate: Record<string, number | string | bigint | null>
  prv_candidates: Record<string, number | string | bigint | null>[] | null
  prv_nondetections?: Record<string, number | string | bigint | null>[] | null
  fp_hists?: unknown[] | null
}

/** All records of a container, all fields, by avsc. */
function decodeIndependently(bytes: Buffer): Packet[] {
  const { schema } = openContainer(bytes, defaultLimits)
  const json = JSON.parse(String(schema), (key, value) => (key === 'default' ? undefined : value))
  const type = avro.Type.forSchema(json, { registry: { long: bigLong }, wrapUnions: false })
  const packets: Packet[] = []
  for (const { count, cursor } of readBlocks(openContainer(bytes, defaultLimits), defaultLimits)) {
    let offset = 0
    for (let i = 0; i < count; i++) {
      const decoded = type.decode(cursor.bytes, offset) as { value: Packet; offset: number }
      packets.push(decoded.value)
      offset = decoded.offset
    }
  }
  return packets
}

/** What an alert should be, straight from the rules, for valid packets. */
function expected(packet: Packet): Alert {
  const own = packet.candidate
  const known = (value: unknown, least = -90, most = Number.POSITIVE_INFINITY) =>
    typeof value === 'number' && value > least && value < most ? value : null
  const score = (value: unknown) => (typeof value === 'number' && value >= 0 && value <= 1 ? value : null)
  const distance = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : null)
  const magnitude = (value: unknown) => known(value, -90, 90)
  const positive = (value: unknown) => value === 't' || value === '1'
  const jd = own.jd as number
  const points = packet.prv_candidates ?? []
  const forced = points.length > 0 && !('magpsf' in points[0]!)
  const past = forced ? [] : points.filter(point => (point.jd as number) < jd)
  return {
    objectId: packet.objectId,
    schemaVersion: packet.schemavsn ?? '',
    record: {
      candid: packet.candid,
      jd,
      ra: own.ra as number,
      dec: own.dec as number,
      programId: own.programid as number,
      photometry: {
        band: bandOf(own.fid as FilterId),
        magnitude: own.magpsf as number,
        error: own.sigmapsf as number,
        positive: positive(own.isdiffpos),
        realBogus: score(own.drb) ?? score(own.rb),
        starScore: score(own.sgscore1),
        starDistance: distance(own.distpsnr1),
        solarSystemDistance: distance(own.ssdistnr),
        ...(own.ssnamenr && own.ssnamenr !== 'null' ? { solarSystemName: own.ssnamenr as string } : {}),
        context: {
          sgscore1: score(own.sgscore1),
          distpsnr1: distance(own.distpsnr1),
          sgmag1: magnitude(own.sgmag1),
          srmag1: magnitude(own.srmag1),
          simag1: magnitude(own.simag1),
          szmag1: magnitude(own.szmag1),
          sgscore2: score(own.sgscore2),
          distpsnr2: distance(own.distpsnr2),
          distnr: distance(own.distnr),
          magnr: magnitude(own.magnr),
          chinr: distance(own.chinr),
          sharpnr: known(own.sharpnr),
          neargaia: distance(own.neargaia),
          maggaia: magnitude(own.maggaia),
          classtar: score(own.classtar),
          ndethist: distance(own.ndethist),
          ncovhist: distance(own.ncovhist),
          jdstarthist: known(own.jdstarthist, 2_450_000, 2_500_000)
        }
      }
    },
    observation: {
      jd,
      fid: own.fid as FilterId,
      detection: true,
      own: true,
      positive: positive(own.isdiffpos),
      candid: packet.candid,
      magnitude: own.magpsf as number,
      error: own.sigmapsf as number,
      realBogus: score(own.drb) ?? score(own.rb),
      solarSystemDistance: distance(own.ssdistnr)
    },
    history: History.of(
      past.map(point => ({
        programId: point.programid as number,
        observation: {
          jd: point.jd as number,
          fid: point.fid as FilterId,
          detection: point.magpsf !== null,
          own: false,
          positive: positive(point.isdiffpos),
          candid: point.candid as bigint | null,
          magnitude: (point.magpsf ?? point.diffmaglim) as number,
          error: (point.sigmapsf ?? 0) as number,
          realBogus: point.magpsf === null ? null : (score(point.drb) ?? score(point.rb)),
          solarSystemDistance: point.magpsf === null ? null : distance(point.ssdistnr)
        }
      }))
    ),
    dropped: { future: forced ? 0 : points.length - past.length, invalid: 0 },
    forcedPhotometry: (packet.fp_hists?.length ?? 0) + (forced ? points.length : 0)
  }
}

test('every real packet decodes, or is refused for what it is', needsShared(), () => {
  const codes: Record<string, number> = {}
  const versions: Record<string, number> = {}
  const totals = { packets: 0, alerts: 0, future: 0, invalid: 0, forced: 0 }
  for (const file of sharedFiles('alerts')) {
    try {
      const alerts = decode(fs.readFileSync(file))
      totals.packets++
      totals.alerts += alerts.length
      for (const { schemaVersion, dropped, forcedPhotometry } of alerts) {
        versions[schemaVersion] = (versions[schemaVersion] ?? 0) + 1
        totals.future += dropped.future
        totals.invalid += dropped.invalid
        totals.forced += forcedPhotometry
      }
    } catch (error) {
      assert.ok(error instanceof HieraxError, `${file}: ${error}`)
      codes[error.code] = (codes[error.code] ?? 0) + 1
      if (error.code === 'MISSING_FIELD') assert.match(error.message, /objectId/)
    }
  }
  assert.deepEqual(codes, { NOT_A_CONTAINER: 3, MISSING_FIELD: 6 })
  assert.deepEqual(totals, { packets: 552, alerts: 582, future: 601, invalid: 0, forced: 660 })
  const known = { '': 5, '2.0': 4, '3.0': 4, '3.1': 4, '3.2': 98, '3.3': 278, '3.5': 2, '4.01': 25, '4.02': 162 }
  assert.deepEqual(versions, known)
})

test('every alert is what an independent full decode of all fields says', needsShared(), () => {
  let compared = 0
  for (const file of sharedFiles('alerts')) {
    const bytes = fs.readFileSync(file)
    let alerts: Alert[]
    try {
      alerts = decode(bytes)
    } catch {
      continue
    }
    assert.deepEqual(alerts, decodeIndependently(bytes).map(expected), file)
    compared += alerts.length
  }
  assert.equal(compared, 582)
})

test('no real packet of any format gives an exposure another Julian date than the survey', needsShared(), () => {
  const dates = new Map<string, Map<number, Set<string>>>()
  const add = (format: string, { objectId, candidate, ...lists }: Packet) => {
    const history = [lists.prv_candidates, lists.prv_nondetections].flatMap(list => list ?? [])
    for (const { jd, fid, band } of [candidate, ...history]) {
      // A filter, where the history has a band.
      const key = `${objectId} ${typeof band === 'string' ? band : bandOf(Number(fid) as FilterId)}`
      const exposures = dates.get(key) ?? new Map<number, Set<string>>()
      dates.set(key, exposures.set(jd as number, (exposures.get(jd as number) ?? new Set()).add(format)))
    }
  }
  // Times in packets of `respark` were replaced by those of events, for tests.
  const folders = ['alerts', 'sources/original', 'sources/babamul']
  const files = [...folders.flatMap(folder => sharedFiles(folder)), ...sharedFiles('stream').slice(0, 10)].filter(
    file => !file.includes('respark')
  )
  for (const file of files) {
    const bytes = fs.readFileSync(file)
    try {
      decode(bytes)
    } catch {
      continue
    }
    for (const packet of decodeIndependently(bytes))
      add(path.relative(shared, file).split('/').slice(0, 2).join('/'), packet)
  }
  for (const file of sharedFiles('sources/fink-stream', '.value')) {
    const schema = JSON.parse(fs.readFileSync(file.replace(/value$/, 'key'), 'utf8'))
    const type = avro.Type.forSchema(schema, { registry: { long: bigLong }, wrapUnions: false })
    add('fink-stream', type.fromBuffer(fs.readFileSync(file)))
  }
  const several = new Set<string>()
  let nearest = Number.POSITIVE_INFINITY
  for (const exposures of dates.values()) {
    const times = [...exposures.keys()].sort((a, b) => a - b)
    for (const [index, jd] of times.entries()) {
      assert.equal(jd, Number(jd.toFixed(7)))
      if (index > 0) nearest = Math.min(nearest, jd - times[index - 1]!)
      for (const format of exposures.get(jd)!) if (exposures.get(jd)!.size > 1) several.add(format)
    }
  }
  assert.ok(nearest > 30 / 86_400, `two exposures of a filter are ${nearest} d apart`)
  assert.ok(several.has('fink-stream') && several.has('stream/packets-00-000.avro'))
})

test('real packets in deflate and snappy containers are the same alerts', needsShared(), () => {
  const files = [...sharedFiles('alerts/kowalski_v4.01_20231012').slice(0, 3), ...sharedFiles('alerts/alerce_v4.02')]
  for (const file of files) {
    const bytes = fs.readFileSync(file)
    const { schema } = openContainer(bytes, defaultLimits)
    const records = [...readBlocks(openContainer(bytes, defaultLimits), defaultLimits)].map(
      ({ cursor }) => cursor.bytes
    )
    const checked = (record: Buffer) => {
      const checksum = Buffer.alloc(4)
      checksum.writeUInt32BE(crc32(record))
      return Buffer.concat([snappy.compress(record), checksum])
    }
    const deflated = records.map(record => block(1, deflateRawSync(record)))
    const snapped = records.map(record => block(1, checked(record)))
    assert.deepEqual(decode(Buffer.concat([head(schema, 'deflate'), ...deflated])), decode(bytes))
    assert.deepEqual(decode(Buffer.concat([head(schema, 'snappy'), ...snapped])), decode(bytes))
  }
})

test('candids beyond 2^53 are exact', needsShared(), () => {
  for (const file of sharedFiles('alerts/boom_v4.02_sample')) {
    const [alert] = decode(fs.readFileSync(file))
    assert.equal(alert?.record.candid, BigInt(path.basename(file, '.avro')))
  }
})

test('packets of Rubin/LSST are refused as another survey’s', needsShared(), () => {
  const files = sharedFiles('rubin_alerts')
  assert.equal(files.length, 5)
  for (const file of files) refused(() => decode(fs.readFileSync(file)), 'WRONG_SURVEY')
})

test('members of archives decode', needsShared(), async () => {
  let members = 0
  for (const archive of sharedFiles('alerts/ampel_targz', '.tar.gz')) {
    const extract = fs.createReadStream(archive).pipe(createGunzip()).pipe(tar.extract())
    for await (const entry of extract) {
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      if (!entry.header.name.endsWith('.avro')) continue
      assert.equal(decode(Buffer.concat(chunks)).length, 1, `${path.relative(shared, archive)}: ${entry.header.name}`)
      members++
    }
  }
  assert.ok(members > 0)
})
