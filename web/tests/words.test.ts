// Whatever the API may answer has words with a next step, in both languages, and none is left untranslated.
import { describe, expect, it } from "vitest";
import { ANNUL_REASONS, BY_REASON, ERRORS, REPORTS, FREE_CAUSES, HINTS, LAMPS, VERDICTS } from "$generated/tables";
import { errorWords, WORDS } from "../onboard/src/lib/words";
import { row } from "../onboard/src/lib/verdicts";

const PERSIAN = /[\u0600-\u06ff]/;
const NAMES = new Set(["other", "dir"]);

function texts(table: object, path = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]): [string, string][] => {
    if (typeof value === "function") return [[`${path}${key}`, (value as (n: string) => string)("7")]];
    return typeof value === "object" && value ? texts(value, `${path}${key}.`) : [[`${path}${key}`, String(value)]];
  });
}

const keys = <Table extends object>(table: Table): (keyof Table)[] => Object.keys(table) as (keyof Table)[];

describe("words", () => {
  it.each(ERRORS)("%s says what, and what next", (name) => {
    for (const words of Object.values(WORDS)) {
      const told = (words.errors as Record<string, { what: string; next: string }>)[name];
      expect(told?.what, name).toBeTruthy();
      expect(told?.next, name).toBeTruthy();
    }
  });

  it("has every cause, reason and event", () => {
    for (const words of Object.values(WORDS)) {
      for (const cause of keys(FREE_CAUSES)) expect(words.causes[cause]).toBeTruthy();
      for (const reason of keys(ANNUL_REASONS)) expect(words.reasons[reason]).toBeTruthy();
      for (const event of keys(REPORTS)) expect(words.events[event]).toBeTruthy();
    }
  });

  it("is Persian in Persian and not in English", () => {
    for (const [key, text] of texts(WORDS.fa)) {
      if (!NAMES.has(key) && key !== "events.SOS") expect(text, key).toMatch(PERSIAN);
    }
    for (const [key, text] of texts(WORDS.en)) if (!NAMES.has(key)) expect(text, key).not.toMatch(PERSIAN);
  });

  it("says one of a thing as one", () => {
    const { digitsIn, pinWait, persons, proxyLeft } = WORDS.en;
    expect([persons("0"), persons("1"), persons("21")]).toEqual(["0 persons", "1 person", "21 persons"]);
    for (const of of [digitsIn, pinWait, persons, proxyLeft]) {
      expect(of("1")).toMatch(/\b1 (more )?[a-z]+[^s\W]\b/);
      expect(of("2")).toMatch(/\b2 (more )?[a-z]+s\b/);
    }
  });

  it("answers an error that no table knows", () => {
    expect(errorWords(WORDS.fa, "NeverHeardOf")).toEqual(WORDS.fa.errors.Other);
  });
});

describe("tables", () => {
  it("have words and a known lamp for every verdict", () => {
    expect(Object.keys(VERDICTS).length).toBeGreaterThan(15);
    for (const it of [...Object.values(VERDICTS), ...Object.values(BY_REASON)]) {
      expect(LAMPS).toContain(it.lamp);
      expect(it.rider.fa).toMatch(PERSIAN);
      expect(it.driver.fa).toMatch(PERSIAN);
    }
    for (const hint of Object.values(HINTS)) expect(hint.fa).toMatch(PERSIAN);
  });

  it("show what the reason changes", () => {
    expect(row(4, 8).lamp).toBe("red");
    expect(row(4, 7).lamp).toBe("amber");
  });

  it("show a verdict newer than the page as one to look at", () => {
    expect(row(250, 0)).toBe(VERDICTS[11]);
  });
});
