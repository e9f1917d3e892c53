import { useSignalEffect } from '@preact/signals'
import { connection } from './data/live.ts'
import { object, objectError, objectId, prediction } from './data/object.ts'
import { Charts } from './parts/charts.tsx'
import { Context } from './parts/context.tsx'
import { Cutouts } from './parts/cutouts.tsx'
import { Head } from './parts/head.tsx'
import { Help } from './parts/help.tsx'
import { List } from './parts/list.tsx'
import { Minute } from './parts/minute.tsx'
import { Notices, ObjectProblem } from './parts/notices.tsx'
import { ObjectHead } from './parts/object-head.tsx'
import { PointTable, Provenance } from './parts/provenance.tsx'
import { Sky } from './parts/sky.tsx'
import { Tree } from './parts/tree.tsx'
import { Why } from './parts/why.tsx'

/** The whole page. */
export function Page() {
  useSignalEffect(() => {
    const made = prediction.value
    const id = objectId.value
    document.title = id === null ? 'Hierax' : `${id}${made ? ` · ${made.node}` : ''} · Hierax`
  })
  const unknown = objectError.value !== null && object.value === null
  return (
    <div class={connection.value === 'lost' ? 'page stale' : 'page'}>
      <a class="skip" href="#tree-of-probabilities">
        Skip to the object
      </a>
      <Head />
      <Notices />
      <main id="tree-of-probabilities">
        <div class="shown">
          <ObjectHead />
          <ObjectProblem />
          {!unknown && (
            <div class="views">
              <div class="column">
                <Tree />
                <Why />
              </div>
              <Charts />
            </div>
          )}
          <div class="views lower">
            {!unknown && <Cutouts />}
            <Sky />
            {!unknown && <Context />}
            <Minute />
            {!unknown && <Provenance />}
          </div>
          {!unknown && <PointTable />}
        </div>
        <List />
      </main>
      <Help />
    </div>
  )
}
