// What is built is what is meant: the tests of the vectors stand on the package's own files, and it is small.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { writeCode } from "@savar/pass/protocol/codes";

const MOST_BYTES = 30_000; // packed, without the QR library: what a host's page can bear beside its own
const FOLDER = fileURLToPath(new URL("../../../build/web/pass/", import.meta.url));
const text = (name: string): string => readFileSync(FOLDER + name, "utf-8");

/** The files that one loads, itself included. */
function loads(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, other] of text(name).matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) loads(other!, found);
  return found;
}

describe("the built package", () => {
  it("is what the vectors are held against", async () => {
    const built = (await import(`${FOLDER}protocol.js`)) as { writeCode: unknown };
    expect(built.writeCode).toBe(writeCode); // by the alias of vitest.built.config.ts
  });

  it("is under 30 KB packed, without the QR library", () => {
    const files = [...loads("savar-pass.js")].sort();
    expect(files).toEqual(["contract.js", "qr-library.js", "savar-pass.js"]);
    expect(text("qr-library.js")).toContain("node_modules/qr/"); // and nothing of ours hides in it
    expect(text("qr-library.js")).not.toMatch(/^\/\/ (?!node_modules\/qr\/)/m);
    const sizes = files.filter((it) => it !== "qr-library.js").map((it) => gzipSync(text(it)).length);
    expect(sizes.reduce((sum, it) => sum + it)).toBeLessThan(MOST_BYTES);
  });

  it("names no host, makes no code of text, and puts no style into the page", () => {
    const never = [
      /(?:https?|wss?):\/\/(?!www\.w3\.org\/)\S*/, // a name of XML, which nothing fetches
      /\beval\(|new Function|innerHTML|insertAdjacentHTML/,
      /createElement\("(?:style|link|script)"|setAttribute\("style"|cssText/,
    ];
    const files = readdirSync(FOLDER).filter((it) => it.endsWith(".js"));
    expect(files.length).toBe(4);
    expect(files.flatMap((name) => never.map((it) => text(name).match(it)?.[0] ?? "")).join("")).toBe("");
  });

  it("does nothing when it is imported: no page, no store, no clock is there, and it comes all the same", async () => {
    for (const name of ["document", "indexedDB", "location"]) expect(globalThis).not.toHaveProperty(name);
    const built = (await import(`${FOLDER}savar-pass.js`)) as Record<string, unknown>;
    expect(Object.keys(built).sort()).toEqual(["PassError", "createPass", "hostServer"]);
  });

  it("is typed for whoever installs it: the README's examples compile, and wrong ones do not", () => {
    const examples = [...text("README.md").matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
    expect(examples.length).toBeGreaterThanOrEqual(2);
    const wrong = ['lang: "de"', "", 'host: savar.hostServer(), changed: (now: string) => now'].map(
      (given) => `import * as savar from "@savar/pass";\nvoid savar.createPass({ ${given} });\n`,
    );
    const said = complaints([...examples, ...wrong]);
    expect(said.slice(0, examples.length).flat()).toEqual([]);
    const [language, nothing, state] = said.slice(examples.length).map((it) => it.join());
    expect(language).toMatch(/"de".*not assignable/);
    expect(nothing).toMatch(/'host' is missing/);
    expect(state).toMatch(/PassState/);
  }, 120_000);
});

/** What a strict compiler says of each of a host's files, with the package beside and nothing else of ours. */
function complaints(files: string[]): string[][] {
  const folder = mkdtempSync(`${tmpdir()}/savar-pass-host-`);
  try {
    mkdirSync(`${folder}/node_modules/@savar`, { recursive: true });
    symlinkSync(FOLDER, `${folder}/node_modules/@savar/pass`);
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
    const names = files.map((code, at) => {
      writeFileSync(`${folder}/host${at}.ts`, code);
      return `${folder}/host${at}.ts`;
    });
    const program = ts.createProgram(names, {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      preserveSymlinks: true,
      types: [],
    });
    const said = ts.getPreEmitDiagnostics(program);
    const elsewhere = said.filter((it) => !names.includes(it.file?.fileName ?? "")); // in our own types
    const of = (name: string) => [...elsewhere, ...said.filter((it) => it.file?.fileName === name)];
    return names.map((name) => of(name).map((it) => ts.flattenDiagnosticMessageText(it.messageText, " ")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
