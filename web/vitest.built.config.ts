import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// The golden vectors against the package as it is built, by the very tests that hold its sources.
export default defineConfig({
  root: here("."),
  resolve: {
    alias: [
      { find: /^@savar\/pass\/(protocol|keys)\/.*$/, replacement: here("../build/web/pass/protocol.js") },
      { find: "$generated", replacement: here("../build/web/generated") },
    ],
  },
  test: { include: ["tests/passes.test.ts", "tests/grants.test.ts", "pass/tests/built.test.ts"] },
});
