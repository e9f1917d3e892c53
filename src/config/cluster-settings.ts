import { z } from 'zod'
import * as kind from './kinds.ts'
import { setting } from './settings.ts'

const mechanism = kind.choice(['plain', 'scram-sha-256', 'scram-sha-512'], value => value.toLowerCase())
export const brokers = kind.list(kind.broker, 'a list of distinct host:port')

const pem = (what: string) =>
  z.exactOptional(
    setting(kind.text('the path of a PEM file'), {
      defaultText: 'none',
      meaning: `PEM file of ${what}; enables TLS`
    })
  )

/** TLS of a cluster: on or off, or PEM files (paths relative to the working directory). */
export const ssl = (defaultText: string) =>
  z.union([
    setting(kind.flag, { defaultText, meaning: '`true` enables TLS with the root certificates of the system' }),
    z.object({
      ca: pem('the authorities to trust'),
      cert: pem('the client’s certificate'),
      key: pem('the client’s key')
    })
  ])

/** Credentials for a cluster. */
export const sasl = (side: string, unset: { readonly mechanism: string; readonly others: string }) =>
  z
    .object({
      mechanism: setting(mechanism, {
        defaultText: unset.mechanism,
        meaning: `SASL mechanism for the ${side} cluster`
      }),
      username: setting(kind.text('text'), {
        defaultText: unset.others,
        fromFile: true,
        meaning: `SASL user name for the ${side} cluster`
      }),
      password: setting(kind.text('text'), {
        defaultText: unset.others,
        fromFile: true,
        hidden: 'all',
        meaning: `SASL password for the ${side} cluster`
      })
    })
    .nullable()
