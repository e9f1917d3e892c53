import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { runHierax, temporaryFolder } from '../../../test/support/service.ts'
import { root } from '../../../test/support/shared.ts'

const folder = temporaryFolder()
after(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => path.join(folder, name)
const table = path.join(root, 'examples/tables/ZTF99aaaaaaa_fink.json')
const labels = path.join(root, 'examples/labels.csv')

test('light curves go to standard output or to a file that is not replaced; the report to standard error', async () => {
  const { code, stdout, stderr } = await runHierax(['convert', table, '--labels', labels, '--verbose'])
  assert.equal(code, 0, stderr)
  assert.equal(JSON.parse(stdout).label, 'SN Ia')
  assert.match(stderr, /Fink, 36 rows, 36 points of 1 object\.\n1 object: \d+ detections, \d+ upper limits\.\n/)
  assert.match(stderr, /columns used: .*i:magpsf.*\n.*columns ignored: d:rf_snia_vs_nonia\.\n/)
  const options = ['convert', table, '--labels', labels, '--out', at('objects.jsonl.gz')]
  assert.deepEqual(
    [(await runHierax(options)).stdout, gunzipSync(readFileSync(at('objects.jsonl.gz'))).toString()],
    ['', stdout]
  )
  const again = await runHierax(options)
  assert.equal(again.code, 2)
  assert.match(again.stderr, /USAGE: --out: .*objects\.jsonl\.gz exists; name another file, or give --overwrite/)
  assert.equal((await runHierax([...options, '--overwrite'])).code, 0)
  const evaluated = await runHierax([
    'evaluate',
    '--data',
    at('objects.jsonl.gz'),
    '--days',
    'full',
    '--bootstrap',
    '0',
    '--runtime',
    'wasm'
  ])
  assert.equal(evaluated.code, 0, evaluated.stderr)
  assert.match(evaluated.stdout, /whole curves/)
})

test('wrong options are refused, and nothing is written where a table is invalid', async () => {
  writeFileSync(at('bad.csv'), 'mjd,filter,mag,magerr\n59000,ztfg,bright,0.1\n')
  for (const [options, message] of [
    [[at('bad.csv')], /DATA_INVALID: .*bad\.csv, line 2, column mag: should be a number, it is "bright"/],
    [[table, '--rename', 'mag'], /USAGE: .*must look like MAG_CAL=mag/],
    [[table, '--format', 'atlas'], /USAGE: .*--format.*Allowed choices are ipac, fink/],
    [[table, '--ignore', 'i:magspf'], /USAGE: no table has the column i:magspf .*nearest is i:magpsf/],
    [[], /USAGE: missing required argument 'file'/]
  ] as const) {
    const { code, stdout, stderr } = await runHierax(['convert', ...options])
    assert.match(stderr, message)
    assert.deepEqual([code, stdout], [2, ''])
  }
})

test('the commands that read light curves name this one where they are given a table', async () => {
  const tables = path.join(root, 'examples/tables/ZTF99aaaaaaa_')
  const out = at('none')
  const tree = path.join(root, 'models/taxonomies/ztf-tree-2.json')
  for (const [args, title] of [
    [['train', '--taxonomy', tree, '--out', out, '--data', `${tables}ipac.txt`], 'IPAC forced photometry'],
    [['evaluate', '--data', `${tables}alerce.csv`], 'ALeRCE'],
    [['simulate', '--out', out, '--lightcurves', `${tables}lasair.json`], 'Lasair'],
    [['evaluate', '--data', `${tables}nmma.dat`], 'NMMA']
  ] as const) {
    const { code, stderr } = await runHierax([...args])
    assert.equal(code, 2)
    const file = args.at(-1)
    assert.ok(stderr.includes(`it looks like ${title}; convert it: hierax convert ${file} --out objects.jsonl`), stderr)
    assert.match(stderr, /DATA_INVALID: .*, line 1.*/)
  }
})
