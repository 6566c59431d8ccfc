// Every warning and trouble has words with a next step, in both languages, none left untranslated.
import { describe, expect, it } from "vitest";
import { RIGHTS } from "../passenger/src/lib/rights_words";
import { WORDS } from "../passenger/src/lib/words";

const PERSIAN = /[\u0600-\u06ff]/;
const NAMES = new Set(["other", "dir"]);

function texts(table: object, path = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]): [string, string][] => {
    if (typeof value === "function") return [[`${path}${key}`, (value as (...n: string[]) => string)("7", "8")]];
    return typeof value === "object" && value ? texts(value, `${path}${key}.`) : [[`${path}${key}`, String(value)]];
  });
}

describe.each([
  ["the code, money and trips", WORDS],
  ["a rider's rights", RIGHTS],
])("words of the passenger's app: %s", (_, table) => {
  it("has the same in both languages", () => {
    const keys = (of: object): string[] => texts(of).map(([key]) => key);
    expect(keys(table.en)).toEqual(keys(table.fa));
  });

  it("is Persian in Persian and not in English", () => {
    for (const [key, text] of texts(table.fa)) if (!NAMES.has(key)) expect(text, key).toMatch(PERSIAN);
    for (const [key, text] of texts(table.en)) if (!NAMES.has(key)) expect(text, key).not.toMatch(PERSIAN);
  });
});

describe("words of the passenger's app", () => {
  it("says what to do of each, in few words", () => {
    for (const words of Object.values(WORDS))
      for (const told of [words.warnings, words.troubles, words.claims].flatMap((it) => Object.values(it))) {
        expect(told.what.length).toBeGreaterThan(3);
        expect(told.what.split(" ").length).toBeLessThanOrEqual(8);
        expect(told.next.split(" ").length).toBeLessThanOrEqual(11);
      }
  });
});
