/** Whether an entry of `input.topics` is a pattern: `*` stands for any text, also for none. */
export function isPattern(topic: string): boolean {
  return topic.includes('*')
}

/** Whether a pattern matches the name of a topic. Names that begin with `_`, which are Kafka's own, need a pattern that begins with it. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const [start = '', ...rest] = pattern.split('*')
  const end = rest.pop()
  if (end === undefined) return topic === pattern
  if (topic.startsWith('_') && !start.startsWith('_')) return false
  if (!topic.startsWith(start) || !topic.endsWith(end) || topic.length < start.length + end.length) return false
  const middle = topic.slice(start.length, topic.length - end.length)
  let at = 0
  return rest.every(part => {
    const found = middle.indexOf(part, at)
    at = found + part.length
    return found >= 0
  })
}
