export { type BatchStats as BatchReport, stages } from './batch-stats.ts'
