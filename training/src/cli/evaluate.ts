import { type Command, Option } from 'commander'
import { integer, list, population, populationOption } from 'hierax/cli/options.ts'
import type { EvaluateOptions } from './evaluate-run.ts'
import { repeated } from './train.ts'

const examples = `
Examples:
  $ hierax evaluate --model models/mine --data labelled.jsonl.gz
  $ hierax evaluate --data labelled.jsonl.gz --days 7,30,full --among "SN Ia,SN II,SN IIn+SLSN-II,SLSN-I,SN Ib/c,-SN IIb" --min-detections 5
  $ hierax evaluate --model models/mine --data labelled.jsonl.gz --report report/
  $ hierax evaluate --model models/mine --alerts labelled-alerts.jsonl.gz --json purity.json
  $ hierax evaluate --data labelled.jsonl.gz --predictions predictions.jsonl --json evaluation.json

Sets of classes: names by comma; A+B counts as one class, named A; -C leaves the objects of C out;
in A~B objects of B are judged as A, whose own probability alone speaks for it.`

/** Adds `hierax evaluate`: how well a model does on labelled light curves and packets. */
export function register(program: Command): void {
  program
    .command('evaluate')
    .summary('judge a model on labelled light curves and alert packets')
    .description(
      'Classify labelled light curves as they were so many days after the first detection, and judge the answers at every depth of the tree, among any classes, and the calibration of every node. With --alerts, classify labelled packets and print how the answers hold on real alerts, and the purity and completeness to be expected of every node in the population, by threshold and number of detections.'
    )
    .option('--data <list>', 'labelled light curves: FILE.jsonl or FILE.jsonl.gz, several by comma', list, [])
    .option(
      '--alerts <list>',
      'labelled packets, by comma: JSON lines that name packets beside them, or files, folders and archives of packets whose objects --data labels',
      list,
      []
    )
    .option(...populationOption, population)
    .option('--model <dir>', 'model folder (default: the bundled one)')
    .option('--days <list>', 'days after the first detection', list, ['3', '7', '15', '30', '60', 'full'])
    .option('--among <classes>', 'judge among these classes too; repeatable', repeated, [])
    .option('--min-detections <n>', 'detections that objects judged by --among must have', integer({ min: 1 }), 1)
    .option('--bootstrap <n>', 'samples for the errors of the figures', integer({ min: 0 }), 100)
    .option('--json <file>', 'write everything that was measured there')
    .option('--predictions <file>', 'write one JSON line per object and cut there')
    .option('--report <dir>', 'write a page with plots of all of it there (index.html; it needs nothing else)')
    .addOption(
      new Option('--runtime <name>', 'TensorFlow.js backend').choices(['auto', 'node', 'wasm']).default('auto')
    )
    .addHelpText('after', examples)
    .action(async (options: EvaluateOptions) => {
      const { runEvaluate } = await import('./evaluate-run.ts')
      await runEvaluate(options)
    })
}
