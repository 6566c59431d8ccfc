import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("onboard"),
  base: "./",
  plugins: [svelte({ configFile: false })],
  resolve: { alias: { $generated: here("../build/web/generated") } },
  build: {
    outDir: here("../build/web/onboard"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the bus's server allows no data: addresses
    modulePreload: { polyfill: false },
    rollupOptions: { input: [here("onboard/index.html"), here("onboard/panel.html")] },
  },
  test: { root: here("."), include: ["tests/**/*.test.ts"] },
});
