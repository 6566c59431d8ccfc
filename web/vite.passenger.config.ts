import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PUBLIC = here("passenger/public");

/** Tells the service worker its files and their digest: another byte anywhere is another version of the whole. */
function keptFiles(): Plugin {
  return {
    name: "kept-files",
    enforce: "post",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the build has no sw.js");
      const digest = createHash("sha256").update(worker.code);
      const names = readdirSync(PUBLIC).sort();
      for (const name of names) digest.update(name).update(readFileSync(`${PUBLIC}/${name}`));
      for (const [name, made] of Object.entries(bundle).sort(([one], [other]) => (one < other ? -1 : 1))) {
        if (made === worker) continue;
        names.push(name);
        digest.update(name).update(made.type === "chunk" ? made.code : made.source);
      }
      const files = names.map((name) => (name === "index.html" ? "./" : `./${name}`));
      const version = JSON.stringify(digest.digest("hex").slice(0, 16));
      worker.code = `const FILES=${JSON.stringify(files)},VERSION=${version};${worker.code}`;
    },
  };
}

export default defineConfig({
  root: here("passenger"),
  base: "./",
  plugins: [svelte({ configFile: false }), keptFiles()],
  resolve: { alias: { $generated: here("../build/web/generated") } },
  build: {
    outDir: here("../build/web/passenger"),
    emptyOutDir: true,
    target: "es2020", // a cheap phone's browser is some years old
    assetsInlineLimit: 0, // the backend allows no data: addresses
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: here("passenger/index.html"), sw: here("passenger/src/sw.ts") },
      output: { entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
});
