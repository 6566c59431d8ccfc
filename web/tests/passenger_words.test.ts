// Every warning and trouble has words with a next step, in both languages, none left untranslated.
import { describe, expect, it } from "vitest";
import { WORDS } from "../passenger/src/lib/words";

const PERSIAN = /[\u0600-\u06ff]/;
const NAMES = new Set(["other", "dir"]);

function texts(table: object, path = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]): [string, string][] => {
    if (typeof value === "function") return [[`${path}${key}`, (value as (n: string) => string)("7")]];
    return typeof value === "object" && value ? texts(value, `${path}${key}.`) : [[`${path}${key}`, String(value)]];
  });
}

describe("words of the passenger's app", () => {
  it("has the same in both languages", () => {
    const keys = (of: (typeof WORDS)["fa"]): string[] => texts(of).map(([key]) => key);
    expect(keys(WORDS.en)).toEqual(keys(WORDS.fa));
  });

  it("is Persian in Persian and not in English", () => {
    for (const [key, text] of texts(WORDS.fa)) if (!NAMES.has(key)) expect(text, key).toMatch(PERSIAN);
    for (const [key, text] of texts(WORDS.en)) if (!NAMES.has(key)) expect(text, key).not.toMatch(PERSIAN);
  });

  it("says what to do of each, in few words", () => {
    for (const words of Object.values(WORDS))
      for (const told of [...Object.values(words.warnings), ...Object.values(words.troubles)]) {
        expect(told.what.length).toBeGreaterThan(3);
        expect(told.what.split(" ").length).toBeLessThanOrEqual(8);
        expect(told.next.split(" ").length).toBeLessThanOrEqual(11);
      }
  });
});
