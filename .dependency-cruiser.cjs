/** Imports follow an alert: streams → alerts → lightcurves → classifier → messages → streams. */
const rooms = {
  errors: [],
  avro: ['errors'],
  compression: [],
  version: [],
  'event-loop': [],
  'julian-date': [],
  'process-end': [],
  'regular-file': [],
  text: [],
  'topic-patterns': [],
  lightcurves: ['errors', 'text', 'event-loop', 'process-end', 'version'],
  alerts: ['errors', 'avro', 'compression', 'julian-date', 'lightcurves'],
  classifier: ['errors', 'regular-file', 'text', 'event-loop', 'lightcurves'],
  streams: ['errors', 'regular-file', 'event-loop', 'compression', 'topic-patterns'],
  immutable: [],
  messages: ['errors', 'immutable', 'avro', 'julian-date', 'version', 'classifier', 'lightcurves', 'streams'],
  pipeline: ['errors', 'event-loop', 'julian-date', 'alerts', 'lightcurves', 'classifier', 'messages', 'streams'],
  config: [
    'errors',
    'compression',
    'regular-file',
    'text',
    'immutable',
    'julian-date',
    'topic-patterns',
    'lightcurves',
    'messages'
  ],
  telemetry: ['errors', 'lightcurves', 'messages', 'pipeline', 'streams', 'version'],
  service: ['errors', 'immutable', 'julian-date', 'pipeline', 'messages', 'telemetry', 'lightcurves', 'version']
}

/** A room is a folder, a file of its name, or both. */
const path = room => `^src/${room}(/|\\.ts$)`

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', comment: 'No import circles.', from: {}, to: { circular: true } },
    {
      name: 'training-needs-no-tools',
      severity: 'error',
      comment: 'What is published must not depend on what is not.',
      from: { path: '^training/src/' },
      to: { path: '^tools/' }
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|training/src|tools/src)/', pathNot: '\\.d\\.ts$' },
      to: {}
    },
    { name: 'not-to-dev-dep', severity: 'error', from: { path: '^src/' }, to: { dependencyTypes: ['npm-dev'] } },
    {
      name: 'not-to-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|training|tools|web|scripts)/' }
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@tensorflow/tfjs-node$' }
    },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `room-${room}`,
      severity: 'error',
      comment: `src/${room} may use ${allowed.length ? allowed.join(', ') : 'no other room'}.`,
      from: { path: path(room) },
      to: { path: '^src/', pathNot: [room, ...allowed].map(path) }
    })),
    {
      name: 'stores-behind-their-port',
      severity: 'error',
      comment: 'Light curves, records and ports know no store.',
      from: { path: '^src/lightcurves/[^/]+\\.ts$' },
      to: { path: '^src/lightcurves/stores/' }
    },
    {
      name: 'streams-know-no-kafka-outside',
      severity: 'error',
      comment: 'Only src/streams/kafka knows kafkajs.',
      from: { path: '^src/', pathNot: '^src/streams/kafka/' },
      to: { path: 'node_modules/kafkajs' }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default', 'types']
    }
  }
}
