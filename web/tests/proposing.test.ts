// Proposals of the office's page: fields of the API alone, and numbers however they are typed.
import { describe, expect, it } from "vitest";
import document_ from "$generated/office.json";
import { body, FORMS } from "../office/src/lib/proposing";

type Schema = { properties: Record<string, { type?: string }>; required: string[] };
const api = document_ as unknown as {
  paths: Record<string, { post: { requestBody: { content: { "application/json": { schema: { $ref: string } } } } } }>;
  components: { schemas: Record<string, Schema> };
};

describe("proposing", () => {
  it.each(FORMS)("$path has the fields that the API asks for", (form) => {
    const ref = api.paths[`/v1/proposals/for/${form.path}`]?.post.requestBody.content["application/json"].schema.$ref;
    const schema = api.components.schemas[ref?.split("/").pop() ?? ""] as Schema;
    expect(form.fields.map((it) => it.name).sort()).toEqual([...schema.required].sort());
    for (const it of form.fields) {
      expect(schema.properties[it.name]?.type === "integer", it.name).toBe(it.number === true);
    }
  });

  it("reads digits of every script, and leaves what is no number to the API", () => {
    const form = FORMS[0]!;
    const typed = { debit: " suspense ", credit: "operator:bus-۱", amount_rials: "۶۰٠٠0", why: " در سال ۱۴۰۵ " };
    expect(body(form, typed)).toEqual({
      debit: "suspense",
      credit: "operator:bus-1",
      amount_rials: 60000,
      why: "در سال ۱۴۰۵",
    });
    for (const wrong of ["1.5", "1e3", "-1", "9".repeat(16)]) {
      expect(body(form, { ...typed, amount_rials: wrong })["amount_rials"]).toBe(wrong);
    }
  });
});
