// What may be proposed on the page: the API's paths, the right that each takes, and its fields in the API's own names.

import type { WordTable } from "./words";

type Fields = WordTable["fields"];
export type Field = { name: keyof Fields; number?: true; ltr?: true };
export type Form = { path: string; right: string; kind: keyof WordTable["kinds"]; fields: Field[] };

const why: Field = { name: "why" };
const document_: Field = { name: "document" };
const rials: Field = { name: "amount_rials", number: true };
const key: Field = { name: "public_key", ltr: true };
const credential: Field = { name: "credential_id", ltr: true };

export const FORMS: Form[] = [
  {
    path: "postings",
    right: "propose-posting",
    kind: "posting",
    fields: [{ name: "debit", ltr: true }, { name: "credit", ltr: true }, rials, why],
  },
  {
    path: "payouts",
    right: "propose-payout",
    kind: "payout",
    fields: [{ name: "role", ltr: true }, { name: "name", ltr: true }, rials, { name: "iban", ltr: true }, why],
  },
  {
    path: "tariffs",
    right: "propose-tariff",
    kind: "tariff",
    fields: [{ name: "tariff", number: true }, { name: "decree" }, why],
  },
  {
    path: "releases",
    right: "propose-release",
    kind: "release",
    fields: [credential, { name: "version", number: true }, why],
  },
  {
    path: "concessions",
    right: "propose-concession",
    kind: "concession",
    fields: [key, { name: "rider_class", number: true }, { name: "until", ltr: true }, document_, why],
  },
  { path: "moves", right: "propose-move", kind: "move", fields: [credential, key, document_, why] },
];

/** What was typed as the API takes it: numbers may be typed in Persian digits, and a number that is none stays text. */
export function body(form: Form, typed: Record<string, string>): Record<string, string | number> {
  const plain = (text: string): string =>
    text
      .trim()
      .replace(/[۰-۹]/g, (digit) => String("۰۱۲۳۴۵۶۷۸۹".indexOf(digit)))
      .replace(/[٠-٩]/g, (digit) => String("٠١٢٣٤٥٦٧٨٩".indexOf(digit)));
  return Object.fromEntries(
    form.fields.map(({ name, number, ltr }) => {
      const text = typed[name] ?? "";
      const bare = plain(text);
      if (number) return [name, /^[0-9]{1,15}$/.test(bare) ? Number(bare) : bare];
      return [name, ltr ? bare : text.trim()];
    }),
  );
}
