// Whatever the backend may answer the office has words with a next step, in both languages, none left untranslated.
import { describe, expect, it } from "vitest";
import { OFFICE_ERRORS } from "$generated/tables";
import { errorWords, WORDS } from "../office/src/lib/words";

const PERSIAN = /[\u0600-\u06ff]/;
const NAMES = new Set(["other", "dir"]);

function texts(table: object, path = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]): [string, string][] =>
    typeof value === "object" && value ? texts(value, `${path}${key}.`) : [[`${path}${key}`, String(value)]],
  );
}

describe("words of the office", () => {
  it.each([...OFFICE_ERRORS])("%s says what, and what next", (name) => {
    for (const words of Object.values(WORDS)) {
      expect(words.errors[name], name).toBeTruthy();
      expect(errorWords(words, name).next).toBeTruthy();
    }
  });

  it("has the same errors, roles and kinds in both languages", () => {
    const keys = (of: (typeof WORDS)["fa"]): string[] => texts(of).map(([key]) => key);
    expect(keys(WORDS.en)).toEqual(keys(WORDS.fa));
  });

  it("is Persian in Persian and not in English", () => {
    for (const [key, text] of texts(WORDS.fa)) if (!NAMES.has(key)) expect(text, key).toMatch(PERSIAN);
    for (const [key, text] of texts(WORDS.en)) if (!NAMES.has(key)) expect(text, key).not.toMatch(PERSIAN);
  });
});
