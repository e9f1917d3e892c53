#!/usr/bin/env node
// node tools/kafka-local/cli.mjs [--nodes 1|3] [--port 9092] [--version 3.9.2] [--property KEY=VALUE]… [--fetch]
// Prints one line of JSON ({"version","brokers","pids","folder"}) when Kafka is ready; stops Kafka on SIGTERM or SIGINT.
import { parseArgs } from 'node:util'
import { install, startKafka } from './kafka-local.mjs'

const usage = `Usage: node tools/kafka-local/cli.mjs [options]

Starts a real Apache Kafka on 127.0.0.1 without Docker. Requires Java, and Maven on the first run.

  --nodes N             1 (default) or 3
  --port N              port of the first node (default: a free one)
  --version X.Y.Z       version of Kafka (default: KAFKA_VERSION, else 3.9.2)
  --property KEY=VALUE  a line of server.properties; can be repeated
  --fetch               only download Kafka into the cache
  --help                show this help`

async function main() {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '1' },
      port: { type: 'string' },
      version: { type: 'string' },
      property: { type: 'string', multiple: true, default: [] },
      fetch: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(usage)
  if (values.fetch) {
    const { version, java } = await install(values.version)
    return console.log(JSON.stringify({ version, java }))
  }
  const properties = Object.fromEntries(
    values.property.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  )
  const cluster = await startKafka({
    nodes: Number(values.nodes),
    properties,
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.version === undefined ? {} : { version: values.version })
  })
  const { version, brokers, nodes, folder } = cluster
  console.log(JSON.stringify({ version, brokers, pids: nodes.map(node => node.pid), folder }))
  const alive = setInterval(() => {}, 60_000)
  const end = () => {
    clearInterval(alive)
    cluster.stop().catch(fail)
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}

/** @param {unknown} error */
function fail(error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

main().catch(fail)
