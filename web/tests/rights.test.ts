// What a rider types: a number and a code, in the digits of any keyboard.
import { describe, expect, it } from "vitest";
import { LIMITS } from "$generated/tables";
import { codeTyped, numberTyped } from "../passenger/src/lib/number";

describe("a number that is typed", () => {
  it("is the same in Latin, Persian and Arabic digits, with what keyboards put between", () => {
    for (const typed of ["09121234567", "۰۹۱۲۱۲۳۴۵۶۷", "٠٩١٢١٢٣٤٥٦٧", " 0912 123-4567 ", "۰۹۱۲\u200c۱۲۳ ۴۵ ۶۷"])
      expect(numberTyped(typed), typed).toBe("09121234567");
    expect(numberTyped(" +98 912 123 4567")).toBe("+989121234567");
  });

  it("is asked for again where it cannot be one", () => {
    for (const typed of ["", "۰۹۱۲۱۲۳", "+", "sara", "0".repeat(15)]) expect(numberTyped(typed), typed).toBeUndefined();
  });
});

describe("a code that is typed", () => {
  it("is its digits, zeros in front included", () => {
    expect(codeTyped("۰۰۱ ۲۳۴")).toBe("001234");
    expect(codeTyped("٠٠١٢٣٤")).toHaveLength(LIMITS.PHONE_CODE_DIGITS);
  });

  it("is asked for again where it has more or fewer", () => {
    for (const typed of ["", "12345", "1234567"]) expect(codeTyped(typed), typed).toBeUndefined();
  });
});
