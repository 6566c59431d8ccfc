// What a proposal would do, as a person reads it: the form's own words, and money with its digits in groups.

import type { Language, WordTable } from "./words";

const LOCALE: Record<Language, string> = { fa: "fa-IR", en: "en-GB" };
const RIALS: Record<Language, string> = { fa: "ریال", en: "rials" };

/** Each field of a proposal's content: its name in words, and its value. */
export function told(content: object, words: WordTable, language: Language): [string, string][] {
  const names: Record<string, string> = words.fields;
  return Object.entries(content).map(([key, value]) => [
    names[key] ?? key,
    key.endsWith("_rials") && typeof value === "number"
      ? `${new Intl.NumberFormat(LOCALE[language]).format(value)} ${RIALS[language]}`
      : String(value),
  ]);
}
