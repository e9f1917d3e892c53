/** A kind of documented command that `run.test.ts` doesn't run. */
export interface NotRun {
  /** Fits the command's words, without `npx` and variables in front. */
  readonly command: RegExp
  readonly why: string
  /** Test, or the run of continuous integration, that does the same or tries what it depends on; null where the command is another program's alone. */
  readonly tried: string | null
}

/** Commands of the pages that are not run, why, and by what they are tried instead. */
export const notRun: readonly NotRun[] = [
  { command: /^hierax serve( --config \S+)?$/, why: 'has no end', tried: 'test/acceptance/serve.test.ts' },
  {
    command: /^hierax reclassify /,
    why: 'needs a store and a cluster',
    tried: 'test/acceptance/models.test.ts'
  },
  {
    command: /^hierax store delete /,
    why: 'other commands need its objects',
    tried: 'test/cli/store.test.ts'
  },
  {
    command: /^hierax disagreements /,
    why: 'needs a service with a shadow model',
    tried: 'test/acceptance/models.test.ts'
  },
  { command: /^hierax demo/, why: 'goes on until it is stopped', tried: 'test/acceptance/demo.test.ts' },
  { command: /^hierax train /, why: 'takes minutes as written', tried: 'training/test/cli/tutorial.test.ts' },
  {
    command: /^hierax evaluate .*--alerts /,
    why: 'needs labelled packets',
    tried: 'training/test/cli/evaluate.test.ts'
  },
  {
    command:
      /^(hierax (evaluate .*--data others\.jsonl --days 7,30|simulate --out packets --objects 3|classify packets )|kill \$!|wait \$!|awk |export PATH=)/,
    why: 'a step of the tutorial',
    tried: 'training/test/cli/tutorial.test.ts'
  },
  { command: /^npm run demo$/, why: '`hierax demo` again', tried: 'test/acceptance/demo.test.ts' },
  { command: /^npm (install|ci)$/, why: 'changes the checkout under test', tried: '.ci/run' },
  {
    command: /^npm (pack|install --global --prefix \S+ \S+)$/,
    why: 'installs for all users of the machine',
    tried: 'test/ops/systemd.test.ts'
  },
  { command: /^kafka-configs\.sh /, why: "is Kafka's own", tried: null },
  {
    command: /^(kafka-console-consumer\.sh|kcat) .*hierax\.current/,
    why: 'is another program’s',
    tried: 'test/docs/console-current.test.ts'
  },
  { command: /^npm test$/, why: 'is what runs this', tried: 'test/run.ts' },
  { command: /^(npm run check|bash \.ci\/run)$/, why: 'is what runs this', tried: '.ci/run' },
  { command: /^npm run fuzz$/, why: 'takes minutes', tried: 'test/acceptance/hostile.test.ts' },
  { command: /^npm run licences$/, why: 'writes into the checkout', tried: 'test/scripts/licences.test.ts' },
  {
    command: /^npm run setup:tensorflow$/,
    why: 'compiles, into the checkout',
    tried: '.ci/run'
  },
  { command: /^docker compose /, why: 'needs Docker', tried: 'test/ops/container-files.test.ts' },
  { command: /^docker (build|run) /, why: 'needs Docker', tried: 'test/ops/container-image.test.ts' },
  { command: /^kubectl /, why: 'needs a cluster', tried: 'test/ops/kubernetes.test.ts' },
  {
    command: /^(useradd|install|systemctl (daemon-reload|enable)|journalctl)( |$)/,
    why: 'makes users and services of the machine',
    tried: 'test/ops/systemd.test.ts'
  },
  {
    command: /^(cp ops\/prometheus\/\S+ \/etc|promtool check config|systemctl reload prometheus)/,
    why: 'changes somebody’s Prometheus',
    tried: 'test/ops/monitoring.test.ts'
  },
  { command: /^curl .*\/health\/|^curl .*\/metrics/, why: 'needs a service', tried: 'test/acceptance/serve.test.ts' },
  { command: /^curl .*\/lightcurve\./, why: 'needs a service', tried: 'test/service/light-curve.test.ts' },
  { command: /^curl .*\/api\/v1\/recent$/, why: 'needs a service', tried: 'test/acceptance/connect.test.ts' },
  {
    command: /^curl .*\/api\/v1\/(objects(\?.*)?|skyportal\/.*)$/,
    why: 'needs a service',
    tried: 'test/docs/bridges.test.ts'
  },
  { command: /^curl .*\/api\/v1\/events$/, why: 'has no end', tried: 'test/service/events.test.ts' },
  { command: /^curl .*\/api\/v1\/objects\/\w+$/, why: 'needs a service', tried: 'test/service/service.test.ts' },
  {
    command: /^(pip install clients\/tom_hierax|python manage\.py )/,
    why: 'is run with TOM Toolkit',
    tried: 'test/clients/tom-hierax.test.ts'
  },
  {
    command: /^(pip install|npm install kafkajs|python subscribe|tsx subscribe)/,
    why: 'is run with the program that the page shows',
    tried: 'test/docs/subscribe.test.ts'
  },
  {
    command: /^hierax-client /,
    why: 'is run with the installed package',
    tried: 'test/clients/python.test.ts'
  },
  { command: /^(jq|sort|ssh) /, why: 'another program’s, which reads what is piped to it', tried: null }
]
