// The page becomes three files with fixed names, which the program carries (src/server/page).
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/server/page/files",
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: {
      output: {
        entryFileNames: "page.js",
        assetFileNames: "page[extname]",
        codeSplitting: false,
      },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // `npm run dev` shows a server that runs beside it.
  server: { proxy: Object.fromEntries(["/accelerate", "/v1", "/health", "/ready"].map((path) => [path, "http://127.0.0.1:8000"])) },
});
