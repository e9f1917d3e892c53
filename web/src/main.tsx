import './styles/fonts.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/head.css'
import './styles/object.css'
import './styles/list.css'
import './styles/tree.css'
import './styles/charts.css'
import './styles/why.css'
import { render } from 'preact'
import { startLive } from './data/live.ts'
import { objectId, startObject } from './data/object.ts'
import { startZoom } from './data/zoom.ts'
import { startKeys } from './keys.ts'
import { Page } from './page.tsx'

startLive(objectId)
startObject()
startZoom()
startKeys()
const place = document.querySelector('#page')
if (place) render(<Page />, place)
