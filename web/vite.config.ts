import { defineConfig } from 'vite'

/** The live page: web/ becomes dist/web/, which the service serves. All addresses are relative, so that it works below a proxy's path. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: 'chrome123',
    // The content-security policy allows no data addresses for scripts and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  logLevel: 'warn'
})
