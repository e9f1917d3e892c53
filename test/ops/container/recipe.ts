import { type Copy, DockerfileParser, type Env, type From, type Instruction } from 'dockerfile-ast'

/** One instruction of a stage, as the engine would read it. */
type Step =
  | { readonly does: 'copy'; readonly from: string | null; readonly sources: readonly string[]; readonly to: string }
  | { readonly does: 'run'; readonly command: string }
  | { readonly does: 'env'; readonly values: Readonly<Record<string, string>> }
  | { readonly does: 'workdir'; readonly folder: string }

/** A stage of a Dockerfile. */
export interface Stage {
  readonly name: string
  /** An image, or an earlier stage. */
  readonly from: string
  readonly steps: readonly Step[]
  /** Instructions about how it is run (USER, VOLUME, CMD …): keyword → argument as it stands, the last of each. */
  readonly settings: ReadonlyMap<string, string>
}

/** Reads the stages of a Dockerfile that uses no build arguments and no flags but COPY's `--from`. */
export function readStages(text: string): Stage[] {
  const stages: { name: string; from: string; steps: Step[]; settings: Map<string, string> }[] = []
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword()
    if (keyword === 'FROM') {
      const from = instruction as From
      const name = from.getBuildStage() ?? String(stages.length)
      stages.push({ name, from: from.getImage() ?? '', steps: [], settings: new Map() })
      continue
    }
    const stage = stages.at(-1)
    if (!stage) throw new Error(`${keyword} before the first FROM`)
    const step = stepOf(keyword, instruction)
    if (step) stage.steps.push(step)
    else stage.settings.set(keyword, instruction.getArgumentsContent() ?? '')
  }
  return stages
}

function stepOf(keyword: string, instruction: Instruction): Step | null {
  switch (keyword) {
    case 'COPY': {
      const copy = instruction as Copy
      const places = copy.getArguments().map(argument => argument.getValue())
      const to = places.pop() ?? ''
      return { does: 'copy', from: copy.getFromFlag()?.getValue() ?? null, sources: places, to }
    }
    case 'RUN':
      return { does: 'run', command: instruction.getArgumentsContent() ?? '' }
    case 'ENV': {
      const properties = (instruction as Env).getProperties()
      return {
        does: 'env',
        values: Object.fromEntries(properties.map(each => [each.getName(), each.getValue() ?? '']))
      }
    }
    case 'WORKDIR':
      return { does: 'workdir', folder: instruction.getArgumentsContent() ?? '' }
    case 'ADD':
    case 'ARG':
    case 'SHELL':
      throw new Error(`${keyword} is not read here`)
    default:
      return null
  }
}

/** The environment that a stage sets, without what its base brings. */
export function environmentOf(stage: Stage): Record<string, string> {
  return Object.assign({}, ...stage.steps.map(step => (step.does === 'env' ? step.values : {})))
}

/** A command in its exec form: `["node", "x"]`. */
export function execForm(argument: string | undefined): string[] {
  const command: unknown = JSON.parse(argument ?? 'null')
  if (!Array.isArray(command) || !command.every(word => typeof word === 'string'))
    throw new Error(`${argument} is not in exec form`)
  return command
}
