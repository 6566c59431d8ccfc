import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PUBLIC = here("passenger/public");

/** The reader for browsers without one, 411 KB packed: not of the first load, and kept once a scan fetched it. */
const LATER = /^assets\/(zxing|zxing_reader)-/;

/** zxing-wasm would look for its file at a content network, were it not told another place: it cannot (P19). */
function noHost(): Plugin {
  return {
    name: "no-host",
    transform(code, id) {
      if (!/zxing-wasm\/dist\/es\/share\.js/.test(id)) return null;
      const without = code.replace(/`https:\/\/[^`]*`/g, '""');
      if (without === code) throw new Error("zxing-wasm names no host any more, or in another way: look");
      return { code: without, map: null };
    },
  };
}

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
      const later = names.filter((name) => LATER.test(name)).map((name) => `./${name}`);
      if (later.length !== 2) throw new Error(`the reader is two files, and not ${later.join()}`);
      const first = names.filter((name) => !LATER.test(name));
      const files = first.map((name) => (name === "index.html" ? "./" : `./${name}`));
      const version = JSON.stringify(digest.digest("hex").slice(0, 16));
      const told = `FILES=${JSON.stringify(files)},LATER=${JSON.stringify(later)},VERSION=${version}`;
      worker.code = `const ${told};${worker.code}`;
    },
  };
}

export default defineConfig({
  root: here("passenger"),
  base: "./",
  plugins: [noHost(), svelte({ configFile: false }), keptFiles()],
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
