export { createTemporaryTopics as makeTopics, deleteTemporaryTopics as removeTopics } from './admin.ts'
