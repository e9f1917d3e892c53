import { stringify } from 'yaml'
import type { ClusterConfig, Config } from './config.ts'
import { mask, maskUrl } from './show.ts'

/** The configuration in force as YAML that `--config` reads, with secrets masked. */
export function printConfig(config: Config): string {
  return stringify(
    {
      ...config,
      input: maskCluster(config.input),
      output: maskCluster(config.output),
      store: { ...config.store, url: maskUrl(config.store.url) },
      http: { ...config.http, token: config.http.token === null ? null : mask }
    },
    { aliasDuplicateObjects: false, lineWidth: 0 }
  )
}

function maskCluster<T extends ClusterConfig>(cluster: T): T {
  return { ...cluster, sasl: cluster.sasl === null ? null : { ...cluster.sasl, password: mask } }
}
