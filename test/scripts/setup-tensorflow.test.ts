import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { root } from '../support/shared.ts'

const script = path.join(root, 'scripts/setup-tensorflow.mjs')
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-tensorflow-'))
after(() => fs.rmSync(temporary, { recursive: true }))

/** A project that has nothing but its package.json. */
function emptyProject(name: string): string {
  const folder = path.join(temporary, name)
  fs.mkdirSync(folder)
  fs.writeFileSync(path.join(folder, 'package.json'), '{}')
  return folder
}

/** Runs the set-up where no download host answers and no program but this Node is found. */
function setUp(cwd: string) {
  const env = { PATH: '/nowhere', HOME: temporary, TFJS_NODE_CDN_STORAGE: 'http://127.0.0.1:1/' }
  return spawnSync(process.execPath, [script], { cwd, env, encoding: 'utf8', timeout: 300_000 })
}

test('says at once what is missing, and leaves the project as it was', () => {
  const folder = emptyProject('bare')
  const { status, stderr } = setUp(folder)
  assert.equal(status, 1)
  assert.match(stderr, /127\.0\.0\.1:1 is unreachable, and /)
  if (process.platform === 'linux' && process.arch === 'x64') assert.match(stderr, /install maven and g\+\+/)
  assert.doesNotMatch(stderr, /^\s+at /m)
  assert.deepEqual(fs.readdirSync(folder), ['package.json'])
})

test('does nothing where tfjs-node loads, though Node lacks what it calls', () => {
  const folder = emptyProject('loads')
  const stub = path.join(folder, 'node_modules/@tensorflow/tfjs-node')
  fs.mkdirSync(stub, { recursive: true })
  fs.writeFileSync(
    path.join(stub, 'index.js'),
    `const util = require('node:util')
    if (!util.isArray([]) || !util.isNullOrUndefined(null) || util.isNullOrUndefined(0)) throw new Error('no shim')
    exports.matMul = () => ({ dataSync: () => Float32Array.of(7, 10, 15, 22) })
    exports.backend = () => ({ binding: { TF_Version: '2.10.1' } })`
  )
  const { status, stdout } = setUp(folder)
  assert.equal(status, 0)
  assert.equal(stdout, 'tfjs-node loads already (TensorFlow 2.10.1)\n')
})

test('does not trust a tfjs-node that computes wrongly', () => {
  const folder = emptyProject('wrong')
  const stub = path.join(folder, 'node_modules/@tensorflow/tfjs-node')
  fs.mkdirSync(stub, { recursive: true })
  fs.writeFileSync(path.join(stub, 'index.js'), 'exports.matMul = () => ({ dataSync: () => [1, 2, 3, 4] })')
  assert.equal(setUp(folder).status, 1)
})

const compiler = process.env.CXX || 'g++'
const noCompiler = spawnSync(compiler, ['--version']).status === 0 ? false : `needs a C++ compiler ('${compiler}')`

test('the declarations compile as C++ and have the sizes of the library', { skip: noCompiler }, () => {
  const source = `#include "tensorflow_c.h"
    static_assert(sizeof(TF_TString) == 24 && alignof(TF_TString) == 8, "TF_TString");
    static_assert(sizeof(TF_DataType) == 4 && TF_COMPLEX == 8 && TF_UINT64 == 23, "TF_DataType");
    static_assert(sizeof(TF_Output) == 16 && sizeof(TF_Buffer) == 24, "structs");`
  const include = path.join(root, 'scripts/tensorflow/include')
  const args = ['-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', `-I${include}`, '-x', 'c++', '-']
  const { status, stderr } = spawnSync(compiler, args, { input: source, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})
