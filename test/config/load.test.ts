import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { printConfig } from '../../src/cli/print-config.ts'
import { defaultCompression } from '../../src/compression/compressors.ts'
import { type Config, configSchema } from '../../src/config/config.ts'
import { type ConfigSources, loadConfig } from '../../src/config/load.ts'
import { environmentName, settingsOf } from '../../src/config/settings.ts'
import { HieraxError } from '../../src/errors.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-config-'))
after(() => fs.rmSync(folder, { recursive: true }))

function file(content: string, name = 'hierax.yaml'): string {
  const full = path.join(folder, name)
  fs.writeFileSync(full, content)
  return full
}

const yaml = (content: string, env: Record<string, string> = {}): Config => loadConfig({ file: file(content), env })
const env = (variables: Record<string, string>): Config => loadConfig({ env: variables })

function failure(sources: () => unknown, code = 'CONFIG_INVALID'): string {
  try {
    sources()
  } catch (error) {
    assert.ok(error instanceof HieraxError, String(error))
    assert.equal(error.code, code)
    assert.equal(error.kind, 'usage')
    return error.message
  }
  throw new assert.AssertionError({ message: 'no error was thrown' })
}

const envFailure = (variables: Record<string, string>): string => failure(() => env(variables))
const yamlFailure = (content: string): string => failure(() => yaml(content))

describe('defaults', () => {
  it('are those of the documentation', () => {
    assert.deepEqual(loadConfig({ env: {} }), {
      input: {
        brokers: ['localhost:9092'],
        ssl: false,
        sasl: null,
        topics: 'nightly',
        programs: [1],
        backlog: 'oldest-first',
        nightsBack: 2,
        group: 'hierax',
        from: 'earliest',
        publicPrograms: [],
        schema: null,
        maxFutureDays: 1
      },
      output: {
        brokers: ['localhost:9092'],
        ssl: false,
        sasl: null,
        classifications: 'hierax.classifications',
        deadLetters: 'hierax.dead-letters',
        models: 'hierax.models',
        current: null,
        desc: { topic: null, classes: null },
        groupPrefix: 'hierax-tail-',
        partitions: 4,
        replication: null,
        encoding: 'avro',
        registry: { url: null, autoRegister: true, username: null, password: null, token: null, ca: null },
        compression: defaultCompression,
        routes: []
      },
      store: { url: 'lmdb:./data', keepDays: null },
      model: [],
      shadow: [],
      population: 'stream',
      runtime: 'wasm',
      admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 1 },
      http: {
        host: '127.0.0.1',
        port: 8080,
        token: null,
        cutouts: null,
        trustedProxies: [],
        management: { host: null, port: null }
      },
      workers: 1,
      workerTimeout: 30,
      log: { level: 'info' }
    })
  })

  it('are the same from an empty file and from empty sections', () => {
    const defaults = loadConfig({ env: {} })
    assert.deepEqual(yaml(''), defaults)
    assert.deepEqual(yaml('# nothing\ninput:\nstore: {}\nhttp:\n  token: null\n'), defaults)
  })
})

describe('sources', () => {
  it('read the same values from a file and from the environment', () => {
    const fromFile = yaml(`
      input: {brokers: [a:1, b:2], topics: [one, two], programs: [1, 2], nightsBack: 0, backlog: together}
      output:
        brokers: c:3
        replication: 3
        routes:
          - {topic: sn-ia, node: SN Ia, minProbability: 0.8}
          - {topic: others, node: "x>=y=z", minProbability: 1}
          - {topic: pure, node: SN Ia, minPurity: 0.9}
      store: {url: "valkey://host:6379/2", keepDays: 30.5}
      model: [a, b]
      population: {Transient: 0.38, "CV/Nova = x": 0.62}
      admit: {minRealBogus: 0}
      http: {port: 0, host: "::", management: {port: 9000}, trustedProxies: [10.0.0.1, "fd00::/8"]}
      log: {level: debug}
    `)
    const fromEnvironment = env({
      HIERAX_INPUT_BROKERS: 'a:1, b:2',
      HIERAX_INPUT_TOPICS: 'one,two',
      HIERAX_INPUT_PROGRAMS: '1,2',
      HIERAX_INPUT_NIGHTS_BACK: '0',
      HIERAX_INPUT_BACKLOG: 'together',
      HIERAX_OUTPUT_BROKERS: 'c:3',
      HIERAX_OUTPUT_REPLICATION: '3',
      HIERAX_OUTPUT_ROUTES: 'sn-ia=SN Ia>=0.8; others=x>=y=z>=1; pure=SN Ia@purity>=0.9',
      HIERAX_STORE_URL: 'valkey://host:6379/2',
      HIERAX_STORE_KEEP_DAYS: '30.5',
      HIERAX_MODEL: 'a,b',
      HIERAX_POPULATION: 'Transient=0.38, CV/Nova = x=0.62',
      HIERAX_ADMIT_MIN_REAL_BOGUS: '0',
      HIERAX_HTTP_PORT: '0',
      HIERAX_HTTP_HOST: '::',
      HIERAX_HTTP_MANAGEMENT_PORT: '9000',
      HIERAX_HTTP_TRUSTED_PROXIES: '10.0.0.1, fd00::/8',
      HIERAX_LOG_LEVEL: 'debug'
    })
    assert.deepEqual(fromEnvironment, fromFile)
    assert.deepEqual(fromFile.output.routes, [
      { topic: 'sn-ia', node: 'SN Ia', minProbability: 0.8 },
      { topic: 'others', node: 'x>=y=z', minProbability: 1 },
      { topic: 'pure', node: 'SN Ia', minPurity: 0.9 }
    ])
    assert.deepEqual(fromFile.population, { Transient: 0.38, 'CV/Nova = x': 0.62 })
  })

  it('reads text in a file as in the environment', () => {
    const config = yaml(
      'input: {brokers: "a:1,b:2", topics: nightly}\noutput: {routes: "t=n>=0.5"}\nhttp: {port: "81"}'
    )
    assert.deepEqual(config.input.brokers, ['a:1', 'b:2'])
    assert.deepEqual(config.output.routes, [{ topic: 't', node: 'n', minProbability: 0.5 }])
    assert.equal(config.http.port, 81)
  })

  it('lets the environment beat the file, and the command line both', () => {
    const content = 'http: {port: 1}\nstore: {url: "lmdb:/file"}\nlog: {level: warn}\n'
    const variables = { HIERAX_HTTP_PORT: '2', HIERAX_STORE_URL: 'lmdb:/env' }
    const config = loadConfig({
      file: file(content),
      env: variables,
      overrides: { 'store.url': 'memory:', 'log.level': undefined }
    })
    assert.equal(config.http.port, 2)
    assert.equal(config.store.url, 'memory:')
    assert.equal(config.log.level, 'warn')
  })

  it('takes the file from HIERAX_CONFIG unless another is named', () => {
    const one = file('workers: 2', 'one.yaml')
    const two = file('workers: 3', 'two.yaml')
    assert.equal(env({ HIERAX_CONFIG: one }).workers, 2)
    assert.equal(loadConfig({ file: two, env: { HIERAX_CONFIG: one } }).workers, 3)
  })

  it('switches optional settings off with none', () => {
    const content = 'store: {keepDays: 3}\noutput: {replication: 2, routes: "t=n>=0.5"}'
    const config = yaml(content, {
      HIERAX_STORE_KEEP_DAYS: 'none',
      HIERAX_OUTPUT_REPLICATION: 'none',
      HIERAX_OUTPUT_ROUTES: 'none'
    })
    assert.equal(config.store.keepDays, null)
    assert.equal(config.output.replication, null)
    assert.deepEqual(config.output.routes, [])
  })

  it('reads secrets from files', () => {
    const secret = file('hunter2\n', 'secret')
    const sasl = { HIERAX_INPUT_SASL_MECHANISM: 'SCRAM-SHA-512', HIERAX_INPUT_SASL_USERNAME: 'me' }
    const config = yaml(`http: {tokenFile: ${secret}}`, { ...sasl, HIERAX_INPUT_SASL_PASSWORD_FILE: secret })
    assert.equal(config.http.token, 'hunter2')
    assert.deepEqual(config.input.sasl, { mechanism: 'scram-sha-512', username: 'me', password: 'hunter2' })
    assert.equal(yaml(`http: {tokenFile: ${secret}}`, { HIERAX_HTTP_TOKEN: 'env' }).http.token, 'env')
    assert.match(
      envFailure({ HIERAX_HTTP_TOKEN: 'a', HIERAX_HTTP_TOKEN_FILE: secret }),
      /http\.token: both .* give one/
    )
    assert.match(envFailure({ HIERAX_HTTP_TOKEN_FILE: '/nowhere' }), /http\.tokenFile .*"\/nowhere" \(ENOENT\)/)
    assert.match(envFailure({ HIERAX_HTTP_TOKEN_FILE: file('\n', 'empty') }), /is empty/)
  })
})

describe('clusters', () => {
  const sasl = {
    HIERAX_INPUT_SASL_MECHANISM: 'plain',
    HIERAX_INPUT_SASL_USERNAME: 'u',
    HIERAX_INPUT_SASL_PASSWORD: 'p'
  }

  it('gives the output the input’s credentials on the same cluster only', () => {
    const same = env({ ...sasl, HIERAX_INPUT_SSL: 'true' })
    assert.deepEqual([same.output.ssl, same.output.sasl], [true, { mechanism: 'plain', username: 'u', password: 'p' }])
    const other = env({ ...sasl, HIERAX_INPUT_SSL: 'true', HIERAX_OUTPUT_BROKERS: 'other:9092' })
    assert.deepEqual([other.output.ssl, other.output.sasl], [false, null])
    assert.deepEqual(env({ ...sasl, HIERAX_OUTPUT_SSL: 'false' }).output.ssl, false)
  })

  it('requires all of SASL or nothing', () => {
    const message = envFailure({ HIERAX_OUTPUT_SASL_USERNAME: 'u' })
    assert.match(message, /output\.sasl\.mechanism: is missing/)
    assert.match(message, /output\.sasl\.password: is missing/)
  })

  it('turns TLS on with a file and checks the files', () => {
    const ca = file('-----BEGIN CERTIFICATE-----\n', 'ca.pem')
    assert.deepEqual(env({ HIERAX_INPUT_SSL_CA: ca }).input.ssl, { ca })
    assert.deepEqual(yaml(`input: {ssl: {ca: ${ca}}}`).input.ssl, { ca })
    assert.deepEqual(env({ HIERAX_INPUT_SSL_CA: ca, HIERAX_INPUT_SSL: 'true' }).input.ssl, { ca })
    assert.match(envFailure({ HIERAX_INPUT_SSL_CA: ca, HIERAX_INPUT_SSL: 'false' }), /input\.ssl: is false, but/)
    assert.match(envFailure({ HIERAX_OUTPUT_SSL_CERT: ca }), /output\.ssl\.key: is missing/)
    assert.match(envFailure({ HIERAX_INPUT_SSL_CA: '/nowhere' }), /input\.ssl\.ca: can't read "\/nowhere" \(ENOENT\)/)
    assert.match(envFailure({ HIERAX_INPUT_SSL_CA: file('x', 'no.pem') }), /is not a PEM file/)
  })
})

describe('a setting that is switched off', () => {
  it('prints and reads back the same', () => {
    const config = env({
      HIERAX_OUTPUT_BROKERS: 'none',
      HIERAX_OUTPUT_MODELS: 'none',
      HIERAX_INPUT_MAX_FUTURE_DAYS: 'none',
      HIERAX_INPUT_SASL_MECHANISM: 'plain',
      HIERAX_INPUT_SASL_USERNAME: 'me',
      HIERAX_INPUT_SASL_PASSWORD: '********'
    })
    assert.deepEqual([config.output.brokers, config.output.models, config.input.maxFutureDays], [null, null, null])
    assert.equal(config.output.sasl, null, 'no output gets the credentials of the input')
    assert.deepEqual(yaml(printConfig(config)), config)
  })
})

describe('where a group starts', () => {
  it('is a word or a time, which prints and reads back the same', () => {
    const from = (given: string): string => yaml(`input: {from: ${given}}`).input.from
    assert.equal(from('latest'), 'latest')
    assert.equal(from('2026-01-20T00:00:00Z'), '2026-01-20T00:00:00.000Z')
    assert.equal(from('2026-01-20'), '2026-01-20T00:00:00.000Z')
    assert.equal(from('"2026-01-20 18:30+02:00"'), '2026-01-20T16:30:00.000Z')
    const config = env({ HIERAX_INPUT_FROM: '2026-01-20', HIERAX_INPUT_TOPICS: 'a,b.*' })
    assert.deepEqual(yaml(printConfig(config)), config)
  })
})

describe('a number of objects', () => {
  it('is given as such, or as true or false', () => {
    for (const [given, number] of [
      ['true', 1000],
      ['false', null],
      ['none', null],
      ['50', 50]
    ] as const) {
      assert.equal(env({ HIERAX_HTTP_CUTOUTS: given }).http.cutouts, number)
      assert.equal(yaml(`http: {cutouts: ${given}}`).http.cutouts, number)
    }
    for (const given of ['0', '-1', '1.5', 'yes', '100001'])
      assert.match(
        envFailure({ HIERAX_HTTP_CUTOUTS: given }),
        /^http\.cutouts .*expected true \(1000 objects\), false, or/
      )
  })
})

describe('the management port', () => {
  it('is on the address of the page unless it has its own', () => {
    assert.deepEqual(yaml('http: {host: a, management: {port: 1}}').http.management, { host: 'a', port: 1 })
    assert.deepEqual(yaml('http: {host: a, management: {host: b, port: 0}}').http.management, { host: 'b', port: 0 })
  })

  it('is no other port with the address of the page', () => {
    const none = { host: null, port: null }
    assert.deepEqual(yaml('http: {port: 1, management: {port: 1}}').http.management, none)
    assert.deepEqual(yaml('http: {port: 1, management: {port: none}}').http.management, none)
    assert.deepEqual(yaml('http: {port: 1, management: {host: b, port: 1}}').http.management, { host: 'b', port: 1 })
    assert.match(yamlFailure('http: {management: {host: b}}'), /^http\.management\.port: is missing/)
  })
})

describe('errors', () => {
  const refused: [Record<string, string>, RegExp][] = [
    [{ HIERAX_HTTP_PORT: 'abc' }, /^http\.port \(HIERAX_HTTP_PORT\): got "abc", expected a port from 0 to 65535$/],
    [{ HIERAX_HTTP_PORT: '65536' }, /^http\.port .*got 65536/],
    [{ HIERAX_HTTP_PORT: '80.5' }, /got 80\.5/],
    [{ HIERAX_HTTP_PORT: '0x50' }, /got "0x50"/],
    [{ HIERAX_HTTP_TRUSTED_PROXIES: 'proxy' }, /^http\.trustedProxies\[0\] .*got "proxy", expected a list of/],
    [{ HIERAX_HTTP_TRUSTED_PROXIES: '10.0.0.0/33' }, /got "10\.0\.0\.0\/33"/],
    [{ HIERAX_HTTP_TRUSTED_PROXIES: '10.0.0.0/8/8' }, /got "10/],
    [{ HIERAX_HTTP_PORT: '' }, /^http\.port \(HIERAX_HTTP_PORT\): is empty/],
    [{ HIERAX_INPUT_SSL: 'yes' }, /got "yes", expected true or false/],
    [{ HIERAX_INPUT_BROKERS: 'a:1,b' }, /^input\.brokers\[1\] .*got "b", expected a list of distinct host:port/],
    [{ HIERAX_INPUT_BROKERS: 'a:70000' }, /got "a:70000"/],
    [{ HIERAX_INPUT_BROKERS: 'a:1,a:1' }, /got \["a:1","a:1"\]/],
    [{ HIERAX_INPUT_BROKERS: ',' }, /got \[\]/],
    [{ HIERAX_INPUT_PROGRAMS: '1,x' }, /^input\.programs\[1\] .*got "x"/],
    [{ HIERAX_INPUT_TOPICS: 'a b' }, /^input\.topics/],
    [
      { HIERAX_INPUT_TOPICS: 'a,b?' },
      /^input\.topics .*got \["a","b\?"\], .*or a pattern in which "\*" stands for any text/
    ],
    [
      { HIERAX_INPUT_TOPICS: 'hierax.*' },
      /"hierax\.\*" matches the output topic "hierax\.classifications" on the same/
    ],
    [{ HIERAX_INPUT_TOPICS: 'a,*' }, /^input\.topics: "\*" matches the output topic/],
    [
      { HIERAX_INPUT_FROM: 'now' },
      /^input\.from \(HIERAX_INPUT_FROM\): got "now", expected earliest, latest, or a past date/
    ],
    [{ HIERAX_INPUT_FROM: '2026-02-30' }, /^input\.from .*got "2026-02-30"/],
    [{ HIERAX_INPUT_FROM: '2999-01-01' }, /^input\.from .*got "2999-01-01T00:00:00\.000Z", expected .*past/],
    [{ HIERAX_OUTPUT_CLASSIFICATIONS: '..' }, /topic name/],
    [{ HIERAX_OUTPUT_CLASSIFICATIONS: 'x'.repeat(250) }, /topic name/],
    [{ HIERAX_OUTPUT_PARTITIONS: '0' }, /got 0/],
    [{ HIERAX_OUTPUT_ROUTES: 'nonsense' }, /^output\.routes\[0\] .*got "nonsense"/],
    [{ HIERAX_OUTPUT_ROUTES: 't=n>=1.5' }, /^output\.routes\[0\]\.minProbability .*got 1\.5/],
    [{ HIERAX_OUTPUT_ROUTES: 't=n>=0.5;t=n>=0.6' }, /no topic and node twice/],
    [{ HIERAX_OUTPUT_ROUTES: 't=n@purity>=1.5' }, /^output\.routes\[0\]\.minPurity .*got 1\.5/],
    [{ HIERAX_OUTPUT_ROUTES: 't=@purity>=0.5' }, /^output\.routes\[0\]\.node .*got ""/],
    [{ HIERAX_POPULATION: 'A=0.3,A=0.7' }, /^population .*got "A=0\.3,A=0\.7", expected the name of a population/],
    [{ HIERAX_POPULATION: 'A=2' }, /^population\.A .*got 2, .*above 0 and at most 1/],
    [{ HIERAX_POPULATION: 'A=0,B=1' }, /^population.*got 0/],
    [{ HIERAX_POPULATION: 'A=,B=1' }, /^population .*got \{"A":"","B":1\}/],
    [{ HIERAX_POPULATION: 'A=0.5,' }, /^population/],
    [{ HIERAX_STORE_URL: 'lmdb:' }, /expected lmdb:DIR/],
    [{ HIERAX_STORE_URL: 'mysql://x' }, /got "mysql:\/\/x"/],
    [{ HIERAX_STORE_KEEP_DAYS: '0' }, /above 0, or none/],
    [{ HIERAX_ADMIT_MIN_REAL_BOGUS: '1.1' }, /got 1\.1/],
    [{ HIERAX_ADMIT_MIN_REAL_BOGUS: 'NaN' }, /got "NaN"/],
    [{ HIERAX_RUNTIME: 'gpu' }, /got "gpu", expected one of wasm, node, auto/],
    [{ HIERAX_LOG_LEVEL: 'loud' }, /got "loud"/],
    [{ HIERAX_WORKERS: '2', HIERAX_STORE_URL: 'memory:' }, /workers: more than one/],
    [{ HIERAX_OUTPUT_DEAD_LETTERS: 'hierax.classifications' }, /output\.deadLetters: is the topic/],
    [{ HIERAX_OUTPUT_ROUTES: 'hierax.dead-letters=n>=0' }, /is output\.deadLetters/],
    [{ HIERAX_OUTPUT_MODELS: 'hierax.classifications' }, /output\.models: .* is another output topic/],
    [{ HIERAX_OUTPUT_ROUTES: 'hierax.models=n>=0' }, /output\.models: .* is another output topic/],
    [{ HIERAX_OUTPUT_DESC_TOPIC: 'hierax.models' }, /output\.desc\.topic: .* is another output topic/],
    [{ HIERAX_OUTPUT_DESC_CLASSES: 'classes.json' }, /output\.desc\.topic: is missing/],
    [{ HIERAX_OUTPUT_DESC_TOPIC: 'd', HIERAX_INPUT_TOPICS: 'd' }, /would read what it wrote/],
    [{ HIERAX_INPUT_TOPICS: 'hierax.classifications' }, /would read what it wrote/]
  ]
  for (const [variables, expected] of refused) {
    it(`refuses ${JSON.stringify(variables).slice(0, 70)}`, () => assert.match(envFailure(variables), expected))
  }

  it('refuses a route with both a probability and a purity, or with none', () => {
    const route = (more: string): string => yamlFailure(`output: {routes: [{topic: t, node: n${more}}]}`)
    for (const more of ['', ', minProbability: 0.5, minPurity: 0.5']) {
      assert.match(route(more), /^output\.routes\[0\] .*expected .*\{topic, node, minPurity\}/)
    }
    assert.match(yamlFailure('population: {}'), /^population .*got \{\}/)
    assert.match(yamlFailure('population: [a]'), /^population .*got \["a"\]/)
  })

  it('reports every problem at once', () => {
    const message = failure(() => yaml('workers: 0\nhttp: {prot: 1}', { HIERAX_LOG_LEVEL: 'x', HIERAX_HTTP_PROT: '1' }))
    for (const part of ['4 problems', 'workers (', 'http.prot (', 'log.level (', 'HIERAX_HTTP_PROT']) {
      assert.ok(message.includes(part), `${part} is not in ${message}`)
    }
  })

  it('names the nearest setting', () => {
    assert.match(envFailure({ HIERAX_INPUT_BROKER: 'a:1' }), /HIERAX_INPUT_BROKER: .* nearest is HIERAX_INPUT_BROKERS$/)
    assert.match(envFailure({ HIERAX_PORT: '80' }), /HIERAX_PORT: no such setting/)
    assert.match(yamlFailure('input: {nights_back: 1}'), /input\.nights_back .* nearest is input\.nightsBack/)
    assert.match(yamlFailure('worker: 1'), /nearest is workers/)
    assert.match(yamlFailure('__proto__: {x: 1}'), /__proto__ .*: no such setting/)
    assert.match(yamlFailure('input: 5'), /input .*got 5, expected settings below it/)
    assert.match(yamlFailure('http: {port: {x: 1}}'), /http\.port .*got \{"x":1\}, expected a port/)
    const overrides = { 'store.uri': 'x' } as ConfigSources['overrides'] & object
    assert.match(
      failure(() => loadConfig({ env: {}, overrides })),
      /nearest is store\.url/
    )
  })

  it('never shows a secret', () => {
    const message = envFailure({ HIERAX_HTTP_TOKEN: 'hunter 2', HIERAX_STORE_URL: 'valkey://me:hunter2@host:6379/x' })
    assert.match(message, /http\.token .*got a value that is not shown/)
    assert.match(message, /valkey:\/\/me:\*+@host/)
    assert.ok(!message.includes('hunter'), message)
    assert.ok(!yamlFailure('input: {sasl: {password: 12345}}').includes('12345'))
  })

  it('leaves reserved names and the addresses of Kubernetes services alone', () => {
    assert.ok(
      env({
        HIERAX_REQUIRE_ALL: '1',
        HIERAX_SERVICE_HOST: '10.0.0.1',
        HIERAX_SERVICE_PORT_HTTP: '8080',
        HIERAX_PORT: 'tcp://10.0.0.1:8080',
        HIERAX_PORT_8080_TCP_ADDR: '10.0.0.1',
        PATH: '/bin'
      })
    )
  })

  it('tells an unreadable file from a wrong one', () => {
    assert.match(
      failure(() => loadConfig({ file: '/nowhere.yaml', env: {} }), 'CONFIG_UNREADABLE'),
      /"\/nowhere\.yaml"/
    )
    for (const content of ['a: [1', 'workers: 1\nworkers: 2', '- 1', 'text']) {
      assert.match(
        failure(() => yaml(content), 'CONFIG_UNREADABLE'),
        /hierax\.yaml/
      )
    }
    const latin1 = path.join(folder, 'latin1.yaml')
    fs.writeFileSync(latin1, Buffer.from('workers: 1\nmodel: é\n', 'latin1'))
    assert.match(
      failure(() => loadConfig({ file: latin1, env: {} }), 'CONFIG_UNREADABLE'),
      /latin1\.yaml, line 2: byte 8 of the line, 0xe9, is not UTF-8; save the file as UTF-8/
    )
  })
})

describe('names', () => {
  it('gives every setting its own environment name', () => {
    assert.equal(environmentName('input.nightsBack'), 'HIERAX_INPUT_NIGHTS_BACK')
    assert.equal(environmentName('admit.maxSolarSystemDistance'), 'HIERAX_ADMIT_MAX_SOLAR_SYSTEM_DISTANCE')
    const paths = [...settingsOf(configSchema).keys()]
    assert.equal(new Set(paths.map(environmentName)).size, paths.length)
  })
})

describe('printConfig', () => {
  it('masks secrets', () => {
    const printed = printConfig(
      env({
        HIERAX_HTTP_TOKEN: 'hunter2',
        HIERAX_STORE_URL: 'valkey://me:hunter2@host:6379/0',
        HIERAX_INPUT_SASL_MECHANISM: 'plain',
        HIERAX_INPUT_SASL_USERNAME: 'me',
        HIERAX_INPUT_SASL_PASSWORD: 'hunter2'
      })
    )
    assert.ok(!printed.includes('hunter2'), printed)
    assert.equal(parse(printed).output.sasl.password, '********')
  })

  it('prints what reads back the same', () => {
    const names = { topic: fc.stringMatching(/^[a-z]{3,9}$/), node: fc.string({ minLength: 1 }) }
    const number = fc.double({ min: 0, max: 1, noNaN: true })
    const route = fc.oneof(fc.record({ ...names, minProbability: number }), fc.record({ ...names, minPurity: number }))
    const population = fc.oneof(
      fc.stringMatching(/^[a-z]{3,9}( [a-z]{1,5})?$/),
      fc.dictionary(fc.stringMatching(/^[A-Za-z/=, -]{1,9}$/), fc.double({ min: 0.001, max: 1, noNaN: true }), {
        minKeys: 1,
        noNullPrototype: true
      })
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(route, { selector: value => `${value.topic}\n${value.node}`, maxLength: 4 }),
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9._-]{3,20}$/), { minLength: 1, maxLength: 3 }),
        fc.option(fc.double({ min: 0.1, max: 1e5, noNaN: true })),
        population,
        (routes, topics, keepDays, population) => {
          const overrides = {
            'output.routes': routes,
            'input.topics': topics,
            'store.keepDays': keepDays ?? undefined,
            population
          }
          const config = loadConfig({ env: { HIERAX_MODEL: 'a,b' }, overrides })
          assert.deepEqual(yaml(printConfig(config)), config)
        }
      ),
      { numRuns: 50 }
    )
  })
})

describe('the schema registry', () => {
  it('is required by the encoding that uses it', () => {
    assert.match(envFailure({ HIERAX_OUTPUT_ENCODING: 'confluent' }), /^output\.registry\.url: is missing/)
  })

  it('has an address without credentials, and one kind of them', () => {
    const url = 'http://registry:8081'
    for (const wrong of ['registry:8081', 'ftp://registry', 'http://me:secret@registry', `${url}?a=b`])
      assert.match(envFailure({ HIERAX_OUTPUT_REGISTRY_URL: wrong }), /^output\.registry\.url .*expected an address/)
    const user = { HIERAX_OUTPUT_REGISTRY_URL: url, HIERAX_OUTPUT_REGISTRY_USERNAME: 'me' }
    assert.match(envFailure(user), /^output\.registry\.password: is missing/)
    const both = { ...user, HIERAX_OUTPUT_REGISTRY_PASSWORD: 'secret', HIERAX_OUTPUT_REGISTRY_TOKEN: 't' }
    assert.match(envFailure(both), /both a token and a user name/)
    assert.match(envFailure({ HIERAX_OUTPUT_REGISTRY_CA: '/nowhere.pem' }), /^output\.registry\.ca: can't read/)
    assert.equal(
      env({ HIERAX_OUTPUT_REGISTRY_URL: `${url}/apis/ccompat/v7` }).output.registry.url,
      `${url}/apis/ccompat/v7`
    )
  })
})
