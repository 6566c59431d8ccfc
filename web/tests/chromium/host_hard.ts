// A city app's page where its browser or its server fails it: said, with its next step, and nothing wrong is shown.
import { fail, look, practice, sees } from "./bus.ts";
import { away, card, launch, press, presented } from "./phone.ts";
import { openHost, type Module } from "./hosted.ts";

const BEGIN = "کارت اتوبوس می‌خواهم";
const failed: string[] = [];
/** One part; the others are walked, too, so that one defect hides no other. */
async function part(name: string, walked: () => Promise<void>): Promise<void> {
  try {
    await walked();
    console.log(`holds: ${name}`);
  } catch (error) {
    failed.push(`${name}: ${String(error).split("\n").slice(0, 3).join(" ")}`);
  }
}
const refuse = (what: string): never => {
  throw new Error(what);
};
let users = 0;

/** A user of his own, on a phone of his own; with a pass if `has`. */
async function phone(name: string, has = true): ReturnType<typeof launch> {
  await practice("user", { name: `user-of-the-host-${String.fromCharCode(97 + (users += 1))}` });
  const made = await launch(name);
  await openHost(made[1]);
  if (has) await press(made[1], BEGIN);
  if (has) await card(made[1]).waitFor({ timeout: 10_000 });
  return made;
}

await part("a key that the browser threw away is said, with the number for a desk, and no code is shown", async () => {
  const [context, page] = await phone("evicted");
  const cdp = await context.newCDPSession(page);
  await cdp.send("Storage.clearDataForOrigin", { origin: new URL(page.url()).origin, storageTypes: "indexeddb" });
  await card(page).waitFor({ state: "detached", timeout: 10_000 }); // under its eyes, too
  await page.reload();
  await sees(page, "کارت این حساب روی این گوشی نیست");
  await sees(page, "باجهٔ خدمات");
  if (!/^([0-9a-f]{6} ){11}$/.test(`${await page.locator("#desk").textContent()} `)) refuse("no number for the desk");
  if (await page.getByRole("button", { name: BEGIN }).isVisible()) refuse("it offers what is refused");
  await look(page, "host-away");
  const desk = await page.locator("#desk").textContent();
  await page.reload();
  await sees(page, "کارت این حساب روی این گوشی نیست");
  if ((await page.locator("#desk").textContent()) !== desk) refuse("the desk has another number by now");
  await context.close();
});

await part("another user on the same phone sees no code of the first, and takes nothing of his", async () => {
  const [context, page] = await phone("shared");
  const first = await presented(page);
  await practice("user", { name: "somebody-else-of-the-host" });
  await page.reload();
  await sees(page, "کارت این حساب روی این گوشی نیست");
  if (await card(page).count()) refuse("the first one's code is shown");
  await practice("user", { name: `user-of-the-host-${String.fromCharCode(97 + users)}` });
  await page.reload();
  await card(page).waitFor({ timeout: 10_000 });
  if ((await presented(page)) === first) refuse("an old code");
  await context.close();
});

await part("a host that is away at the first time says so, and it can be pressed again", async () => {
  const [context, page] = await phone("away", false);
  await practice("away", { is: true });
  await press(page, BEGIN);
  await sees(page, "شبکه نیست");
  await practice("away", { is: false });
  await press(page, BEGIN);
  await card(page).waitFor({ timeout: 10_000 });
  await context.close();
});

await part("what a host refuses is said in its words", async () => {
  const [context, page] = await phone("refused", false);
  await page.waitForLoadState("networkidle"); // what it asks by itself at first is not what is refused here
  const data = { rider_fa: "امروز ثبت نمی‌شود", rider_en: "Not today" };
  await practice("refuses", { data });
  await press(page, BEGIN);
  await sees(page, data.rider_fa);
  await practice("refuses", {});
  await press(page, BEGIN);
  await card(page).waitFor({ timeout: 10_000 });
  await context.close();
});

await part("a key that the city has ended shows no code any more, online or not, and says why", async () => {
  const [context, page] = await phone("ended");
  const data = { rider_fa: "این کارت به گوشی دیگری رفت", rider_en: "This pass went to another phone", ended: true };
  await practice("refuses", { data });
  await page.reload();
  await sees(page, data.rider_fa);
  await sees(page, "این گوشی دیگر اعتبار ندارد");
  await card(page).waitFor({ state: "detached" });
  await practice("refuses", {});
  await practice("away", { is: true });
  await page.reload();
  await sees(page, data.rider_fa);
  if (await card(page).count()) refuse("a pass that has ended is shown offline");
  await practice("away", { is: false });
  await context.close();
});

/** What a host's page is told where its server answers this in the place of what the city said. */
async function lie(path: string, put: object): Promise<{ name: string; fix: string; why: unknown; phase: string }> {
  const [context, page] = await phone(`lie-${users}`, false);
  await practice("spoil", { paths: [path, "pass"], put }); // whichever way it comes
  const told = await page.evaluate(async () => {
    const { createPass, hostServer } = (await import("/savar-pass/savar-pass.js" as string)) as Module;
    const pass = await createPass({ host: hostServer(), storage: "lied-to" });
    pass.show(document.body.appendChild(document.createElement("div")));
    const error = await pass.register().then(() => ({ name: "taken", fix: "", data: {} }), (it: object) => it);
    const { name, fix, data } = error as { name: string; fix: string; data: Record<string, unknown> };
    return { name, fix, why: data["why"], phase: pass.state.phase };
  });
  await practice("spoil", { paths: [], put: {} });
  if (await card(page).count()) refuse(`${path}: a code is shown`);
  await context.close();
  return told;
}

for (const [path, put, name, why] of [
  ["register", { credential: "00" }, "BadHost", "WrongLength"],
  ["register", { credential: "zz" }, "BadHost", "WrongType"],
  ["register", { credential: undefined, issuer_key: null }, "BadHost", "WrongType"],
  ["challenge", { challenge: "00" }, "BadHost", "WrongLength"],
  ["challenge", { challenge: 7 }, "BadHost", "WrongType"],
  ["register", { issuer: "none" }, "BadHost", "BadSignature"],
] as const)
  await part(`a host that gives ${JSON.stringify(put)} for ${path} is not believed`, async () => {
    const told = await lie(path, put);
    if (told.name !== name || told.why !== why || told.phase === "ready" || told.fix === "")
      refuse(JSON.stringify(told));
  });

await part("another origin is refused before anything is asked", async () => {
  const [context, page] = await phone("foreign", false);
  const told = await page.evaluate(async () => {
    const { hostServer } = (await import("/savar-pass/savar-pass.js" as string)) as Module;
    try {
      hostServer(`//${location.hostname}:1/savar/`);
      return "taken";
    } catch (error) {
      return (error as Error).name;
    }
  });
  if (told !== "ForeignHost") refuse(told);
  await context.close();
});

await part("a browser that keeps nothing says so", async () => {
  const [context, page] = await launch("nothing");
  await context.addInitScript(() => {
    IDBFactory.prototype.open = (): never => {
      throw new DOMException("denied", "SecurityError");
    };
  });
  await openHost(page);
  await sees(page, "این مرورگر چیزی نگه نمی‌دارد");
  await context.close();
});

await part("a full phone shows no old code, says why, and goes on when there is room", async () => {
  const [context, page] = await phone("full");
  const old = await presented(page);
  await page.evaluate(() => {
    const proto = IDBObjectStore.prototype as IDBObjectStore & { told: IDBObjectStore["put"] };
    proto.told = proto.put;
    proto.put = function (this: IDBObjectStore, ...given: Parameters<IDBObjectStore["put"]>) {
      const asked = proto.told.apply(this, given);
      this.transaction.abort();
      return asked;
    };
  });
  await card(page).waitFor({ state: "detached", timeout: 20_000 });
  await sees(page, "حافظهٔ گوشی پر است");
  await page.evaluate(() => {
    const proto = IDBObjectStore.prototype as IDBObjectStore & { told: IDBObjectStore["put"] };
    proto.put = proto.told;
  });
  await card(page).waitFor({ timeout: 20_000 });
  if ((await presented(page)) === old) refuse("the old code came back");
  await context.close();
});

away();
if (failed.length > 0) fail(failed.join("\n"));
