/** The security settings of a connection; see `KafkaConnection`. */
export interface Security {
  readonly ssl: boolean | object
  readonly sasl: object | null
  readonly role?: 'input' | 'output'
}

type Hint = (section: string) => string

const trust: Hint = section => `set ${section}ssl.ca to the authority that signed the broker's certificate`

const identity: Hint = section =>
  `the broker requires a client certificate that it trusts: set ${section}ssl.cert and ${section}ssl.key`

/** Codes of Node and of Kafka for failures that show that a setting does not fit the broker's port. */
const hints = {
  TLS_WANTED: section => `the port expects TLS: set ${section}ssl, or use a port without TLS`,
  ERR_SSL_WRONG_VERSION_NUMBER: section => `the port does not speak TLS: remove ${section}ssl, or use a port with TLS`,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: identity,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: identity,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: identity,
  SELF_SIGNED_CERT_IN_CHAIN: trust,
  DEPTH_ZERO_SELF_SIGNED_CERT: trust,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trust,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trust,
  ERR_TLS_CERT_ALTNAME_INVALID: section => `use a name of the certificate in ${section}brokers`,
  ILLEGAL_SASL_STATE: section => `the port takes no credentials: remove ${section}sasl, or use a port with SASL`,
  UNSUPPORTED_SASL_MECHANISM: section => `the broker does not offer it: set ${section}sasl.mechanism to another one`
} as const satisfies Record<string, Hint>

type Misfit = keyof typeof hints

/** Which setting does not fit, by the code of an error; null if the error does not indicate a setting. */
export function misfitOf(code: unknown): Misfit | null {
  return typeof code === 'string' && Object.hasOwn(hints, code) ? (code as Misfit) : null
}

/** What to change, with the setting's name. */
export function hintFor(misfit: Misfit, { role }: Security): string {
  return hints[misfit](sectionOf(role))
}

/**
 * What to check if a broker closed a connection on which it answered at most the first request, which needs no credentials. (A broker that
 * stops does that too.) Null if no setting explains it. `answers`: number of answered requests.
 */
export function closingHint(answers: number, { ssl, sasl, role }: Security): string | null {
  const section = sectionOf(role)
  if (answers === 0 && ssl === false) return `if the port expects TLS, set ${section}ssl`
  if (answers === 0) return `if the port does not speak TLS, remove ${section}ssl`
  return answers === 1 && sasl === null ? `if the port expects credentials, set ${section}sasl` : null
}

function sectionOf(role: Security['role']): string {
  return role === undefined ? '' : `${role}.`
}
