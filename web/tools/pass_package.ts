// What turns the built files of @savar/pass into a package that a host installs: types that stand alone, its README and
// licence, and a package.json. Called by deploy/web.sh behind Vite; FOLDER is where Vite wrote.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const folder = process.argv[2] ?? "";
const emitted = mkdtempSync(join(tmpdir(), "savar-pass-types-"));
const TABLES = join(emitted, "build/web/generated/tables");
const SOURCES = join(emitted, "web/pass/src");

/** Where a declaration goes: the tables beside our own. */
const placed = (file: string): string => (file === TABLES ? "tables" : relative(SOURCES, file));

/** Copy a declaration and all that it names. What is of another package would not be there: it is refused. */
function take(file: string, taken: Set<string>): void {
  if (taken.has(file)) return;
  taken.add(file);
  const told = readFileSync(`${file}.d.ts`, "utf-8");
  const text = told.replace(/(from |import\()"([^"]+)"/g, (_, by: string, name: string) => {
    const other = name === "$generated/tables" ? TABLES : join(dirname(file), name);
    if (other !== TABLES && !name.startsWith(".")) throw new Error(`${file} needs the types of ${name}`);
    take(other, taken);
    const path = relative(dirname(placed(file)), placed(other));
    return `${by}"${path.startsWith(".") ? path : `./${path}`}.js"`;
  });
  const to = join(folder, "types", `${placed(file)}.d.ts`);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, text);
}

try {
  const tsc = join(web, "node_modules/typescript/bin/tsc");
  const options = ["-p", join(web, "pass/tsconfig.json"), "--outDir", emitted];
  execFileSync(process.execPath, [tsc, ...options], { stdio: "inherit" });
  const taken = new Set<string>();
  for (const entry of ["index", "protocol"]) take(join(SOURCES, entry), taken);
} finally {
  rmSync(emitted, { recursive: true, force: true });
}
const { name, version, description, type, license, sideEffects } = JSON.parse(
  readFileSync(join(web, "pass/package.json"), "utf-8"),
) as Record<string, unknown>;
const exports = {
  ".": { types: "./types/index.d.ts", default: "./savar-pass.js" },
  "./protocol": { types: "./types/protocol.d.ts", default: "./protocol.js" },
};
const made = { name, version, description, type, license, sideEffects, exports };
writeFileSync(join(folder, "package.json"), `${JSON.stringify(made, null, 2)}\n`);
copyFileSync(join(web, "pass/README.md"), join(folder, "README.md"));
copyFileSync(join(web, "../LICENSE"), join(folder, "LICENSE"));
