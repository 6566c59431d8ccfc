// What the walks through the scanner share: a phone whose camera sees what the test on the other side films.
import type { BrowserContext, Page } from "playwright-core";
import { fail, practice } from "./bus.ts";
import { begun } from "./phone.ts";

type Film = { video: string; written: string };

/** What the camera sees from its next opening on; → what a camera app would open. */
export async function film(sees: "bus" | "old" | "another" | "nothing"): Promise<Film> {
  return (await practice("camera", { sees })) as Film;
}

/** A phone with so much money, whose camera is the film's. Tracks that it opened are in `tracks`. */
export async function phone(profile: string, rials: number): Promise<[BrowserContext, Page]> {
  const { video } = await film("nothing");
  const [context, page] = await begun(profile, 0, [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
  ]);
  await practice("phone", { rials });
  return [context, page];
}

export const link = (page: Page, name: string): Promise<void> =>
  page.getByRole("link", { name, exact: true }).click();

/** The screen has failed for this reason, in these words. */
export async function failedBy(page: Page, why: string, words: string | RegExp): Promise<void> {
  await page.locator(`[data-failure=${why}]`).getByText(words).first().waitFor({ timeout: 20_000 });
}

export async function granted(page: Page, rials: number): Promise<void> {
  await page.locator("[data-grant]").waitFor({ timeout: 20_000 });
  const held = await page.locator("[data-held]").getAttribute("data-held");
  if (held !== String(rials)) fail(`set aside on the screen: ${held}`);
}
