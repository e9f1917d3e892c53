import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'

/** A member of the group and the topics to which it subscribed. */
export interface Subscriber {
  readonly memberId: string
  readonly topics: readonly string[]
}

/** A topic and its partition numbers. */
export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/**
 * Spreads partitions evenly, each only over the members that subscribed to its topic. Topics are taken in order of name
 * and the turn goes on from one to the next, so that every night's partitions are spread as well as their sum.
 * Returns member → topic → partitions.
 */
export function spread(
  members: readonly Subscriber[],
  topics: readonly TopicPartitions[]
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assignment = new Map(sorted.map(member => [member.memberId, {} as Record<string, number[]>]))
  let turn = 0
  for (const { topic, partitions } of [...topics].sort((a, b) => (a.topic < b.topic ? -1 : 1))) {
    const subscribers = sorted.filter(member => member.topics.includes(topic))
    if (subscribers.length === 0) continue
    for (const partition of [...partitions].sort((a, b) => a - b)) {
      const owned = assignment.get(subscribers[turn++ % subscribers.length]!.memberId)!
      owned[topic] ??= []
      owned[topic].push(partition)
    }
  }
  return assignment
}

/**
 * Round robin that respects what each member subscribed to. Around midnight the members of a group change over one
 * after the other; kafkajs's own assigner would give a new night's partitions to members that do not know it yet, and
 * nobody would read them.
 */
export const subscriptionAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'HieraxRoundRobin',
  version: 0,

  async assign({ members, topics }) {
    const subscribers = members.map(({ memberId, memberMetadata }) => ({
      memberId,
      topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []
    }))
    const known = topics.map(topic => ({
      topic,
      partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
    }))
    return [...spread(subscribers, known)].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment,
        userData: Buffer.alloc(0)
      })
    }))
  },

  protocol: ({ topics }) => ({
    name: 'HieraxRoundRobin',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) })
  })
})
