// Numbers as people read them.
import { describe, expect, it } from "vitest";
import { clock, digits, isNight, number, span, tomans } from "../onboard/src/lib/numbers";

const NOON = Date.UTC(2026, 8, 21, 8, 30); // 12:00 in Isfahan

describe("numbers", () => {
  it("are Persian digits in Persian", () => {
    expect(number(1234, "fa")).toBe("۱٬۲۳۴");
    expect(digits("91", "fa")).toBe("۹۱");
    expect(digits("91", "en")).toBe("91");
  });

  it("show rials as tomans", () => {
    expect(tomans(60_000, "en")).toBe("6,000");
    expect(tomans(60_000, "fa")).toBe("۶٬۰۰۰");
  });

  it("tell the city's time whatever the screen's zone", () => {
    expect(clock(NOON, "en")).toBe("12:00");
    expect(clock(NOON - 60_000, "en")).toBe("11:59");
    expect(clock(Date.UTC(2026, 8, 21, 20, 30), "en")).toBe("00:00");
  });

  it("know night from day at both edges", () => {
    const at = (hour: number): number => NOON + (hour - 12) * 3_600_000;
    expect([isNight(at(6)), isNight(at(18) - 1000), isNight(at(18)), isNight(at(6) - 1000)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it("count a span down to nothing and not below", () => {
    expect(span(599_500, "en")).toBe("10:00");
    expect(span(61_000, "en")).toBe("1:01");
    expect(span(-5, "en")).toBe("0:00");
  });
});
