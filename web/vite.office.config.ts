import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("office"),
  base: "./",
  publicDir: false,
  plugins: [svelte({ configFile: false })],
  resolve: { alias: { $generated: here("../build/web/generated") } },
  build: {
    outDir: here("../build/web/office"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the backend allows no data: addresses
    modulePreload: { polyfill: false },
  },
});
