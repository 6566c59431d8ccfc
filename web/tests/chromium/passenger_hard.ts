// The passenger's app where the phone fails it: nothing may be kept, the phone is full, a deploy is half done.
import { fail, practice, sees } from "./bus.ts";
import { away, begun, card, launch, openApp, press, presented } from "./phone.ts";

const said = (part: string): void => console.log(`holds: ${part}`);
const failed: string[] = [];
/** One part; the others are walked, too, so that one defect hides no other. */
async function part(name: string, walked: () => Promise<void>): Promise<void> {
  try {
    await walked();
    said(name);
  } catch (error) {
    failed.push(`${name}: ${String(error).split("\n")[0]}`);
  }
}
const refuse = (what: string): never => {
  throw new Error(what);
};

await part("a browser that keeps nothing says so, and shows no empty page", async () => {
  const [context, page] = await launch("blocked");
  await context.addInitScript(() => {
    const denied = (): never => {
      throw new DOMException("denied", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { get: denied });
    IDBFactory.prototype.open = denied;
  });
  await page.goto(`${process.argv[2]}/passenger/`);
  await sees(page, "این مرورگر چیزی نگه نمی‌دارد");
  await context.close();
});

/** From now on, or no longer, whatever is kept under these names fails, as on a phone that is full. */
const full = (is: boolean): void => {
  const proto = IDBObjectStore.prototype as IDBObjectStore & { told?: IDBObjectStore["put"] };
  proto.told ??= proto.put;
  const told = proto.told;
  proto.put = is
    ? function (this: IDBObjectStore, ...given: Parameters<IDBObjectStore["put"]>) {
        const asked = told.apply(this, given);
        this.transaction.abort();
        return asked;
      }
    : told;
};

await part("a full phone shows no old code, says why, and goes on when there is room", async () => {
  const [context, page] = await begun("full");
  const old = await presented(page);
  await page.evaluate(full, true);
  await card(page).waitFor({ state: "detached", timeout: 20_000 });
  await sees(page, "حافظهٔ گوشی پر است");
  await page.evaluate(full, false);
  await card(page).waitFor({ timeout: 20_000 });
  if ((await presented(page)) === old) refuse("the old code came back");
  await context.close();
});

await part("a full phone can begin when there is room", async () => {
  const [context, page] = await launch("full-first");
  await openApp(page).catch(() => undefined);
  await sees(page, "کرایهٔ اتوبوس با گوشی");
  await page.evaluate(full, true);
  await press(page, "پیش‌تر حساب داشتم");
  await sees(page, "حافظهٔ گوشی پر است");
  await press(page, "شروع");
  await sees(page, "حافظهٔ گوشی پر است");
  await page.evaluate(full, false);
  await press(page, "شروع");
  await card(page).waitFor({ timeout: 10_000 });
  await context.close();
});

await part("who begins while the key waits for an account keeps that key", async () => {
  const [context, page] = await launch("waits");
  await openApp(page);
  const key = async (): Promise<string> => {
    await press(page, "پیش‌تر حساب داشتم");
    const text = (await page.locator(".key").textContent()) ?? "";
    await press(page, "بازگشت");
    return text;
  };
  const shown = await key();
  const words = { rider_fa: "این گوشی در انتظار حساب پیشین شماست", rider_en: "This phone waits" };
  const body = { type: "urn:savar:problem:refused", status: 409, title: "", detail: "", fix: "", data: words };
  await page.route("**/v1/riders", (route) => route.fulfill({ status: 409, json: body }));
  await press(page, "شروع");
  await sees(page, words.rider_fa);
  if (await page.getByText("این گوشی دیگر اعتبار ندارد").count()) refuse("the phone was called ended");
  await page.reload();
  if ((await key()) !== shown) refuse("the key that a desk has is gone");
  await context.close();
});

await part("two tabs: the one that was looked at under a newer version is taken anew when nobody looks", async () => {
  const [context, page] = await begun("tabs");
  const tab = await context.newPage();
  await openApp(tab);
  await card(tab).waitFor({ timeout: 10_000 });
  await practice("newer", {});
  const turn = (on: typeof page, visibility: string): Promise<void> =>
    on.evaluate((told) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => told });
      document.dispatchEvent(new Event("visibilitychange"));
    }, visibility);
  await turn(page, "visible");
  await tab.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    while (registration.waiting === null) await new Promise((soon) => setTimeout(soon, 50));
  });
  await turn(tab, "hidden");
  await tab.locator("meta[name=newer]").waitFor({ state: "attached", timeout: 10_000 });
  if (await page.locator("meta[name=newer]").count()) refuse("a newer version came under the code");
  await turn(page, "hidden");
  await page.locator("meta[name=newer]").waitFor({ state: "attached", timeout: 10_000 });
  await context.close();
});

await part("a deploy that is half done is not kept", async () => {
  const [context, page] = await begun("half");
  const before = await page.evaluate(() => caches.keys());
  await practice("half", {});
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const made = registration.installing ?? registration.waiting;
    while (made !== null && !["installed", "redundant"].includes(made.state))
      await new Promise((soon) => setTimeout(soon, 50));
  });
  const waits = await page.evaluate(async () => (await navigator.serviceWorker.ready).waiting !== null);
  if (waits) refuse(`another build's page is kept beside ${before.join(" ")}`);
  await context.close();
});
away();
if (failed.length > 0) fail(failed.join("\n"));
