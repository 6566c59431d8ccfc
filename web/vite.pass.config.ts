import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// What a host's page is given: ES modules that need no bundler. The QR library is a file of its own, so that whoever
// counts sees what is ours.
export default defineConfig({
  root: here("pass"),
  publicDir: false,
  resolve: { alias: { $generated: here("../build/web/generated") } },
  build: {
    outDir: here("../build/web/pass"),
    emptyOutDir: true,
    target: "es2020", // a cheap phone's web view is some years old
    modulePreload: { polyfill: false },
    lib: {
      entry: { "savar-pass": here("pass/src/index.ts"), protocol: here("pass/src/protocol.ts") },
      formats: ["es"],
    },
    minify: true,
    rolldownOptions: {
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        codeSplitting: {
          groups: [
            { name: "qr-library", test: /node_modules[\\/]qr[\\/]/ },
            { name: "contract", test: /pass[\\/]src[\\/](protocol|keys)[\\/]|generated/ },
          ],
        },
      },
    },
  },
});
