import { useState } from 'preact/hooks'
import { pathOf } from '../data/api.ts'
import { object } from '../data/object.ts'
import { utcOf } from '../draw/format.ts'
import { Panel } from './panel.tsx'

/** What the images show. */
const shows = { science: 'this exposure', template: 'the reference', difference: 'their difference' } as const

/** The images of the object's newest alert, if the service keeps them. */
export function Cutouts() {
  const { objectId, newest, cutouts = [] } = object.value ?? {}
  if (!objectId || !newest || cutouts.length === 0) return null
  return (
    <Panel
      title="Images"
      id="cutouts"
      aside={<span class="caption">alert of {utcOf(newest.jd).slice(0, 16)} UTC</span>}
    >
      <div class="cutout-row">
        {cutouts.map(kind => (
          <Cutout key={`${newest.candid}${kind}`} objectId={objectId} candid={newest.candid} kind={kind} />
        ))}
      </div>
    </Panel>
  )
}

function Cutout({ objectId, candid, kind }: { objectId: string; candid: string; kind: keyof typeof shows }) {
  const [failed, setFailed] = useState(false)
  const address = pathOf(`api/v1/objects/${encodeURIComponent(objectId)}/cutouts/${kind}.png`, { candid })
  return (
    <figure class="cutout">
      {failed ? (
        <p class="empty">not available</p>
      ) : (
        <a href={address}>
          <img src={address} alt={`${kind} image, ${shows[kind]}`} onError={() => setFailed(true)} />
        </a>
      )}
      <figcaption>{kind}</figcaption>
    </figure>
  )
}
