// The status page: asks /v1/status at the beginning, after every reconnection and regularly; /v1/events brings what
// happens between. Everything is built with textContent: nothing that a device sends is ever read as HTML.

import { ALARMS, BOARD_STATES, CAMERA_STATES, CASES, CITIES, WORDS } from "./words.js";

const ROWS_MAX = 30;
const POLL_MS = 5000;
const ANSWER_WITHIN_MS = 8000;
const RECONNECT_MS = 3000;
const SHAPES = { green: "●", amber: "▲", red: "■", blue: "◆", white: "□", off: "○" };

let status = null; // the last answer of /v1/status, kept up to date by events
let link = "starting"; // starting, live or lost
let lastWordMs = null;
let events = null;
let words, language, formats;

const $ = (id) => document.getElementById(id);

function el(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// --- Language ---

function setLanguage() {
  language = location.hash === "#en" ? "en" : "fa";
  words = WORDS[language];
  const locale = language === "fa" ? "fa-IR-u-ca-persian" : "en-GB";
  const zone = { timeZone: "Asia/Tehran", hourCycle: "h23" };
  formats = {
    number: new Intl.NumberFormat(locale),
    volts: new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    time: new Intl.DateTimeFormat(locale, { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    day: new Intl.DateTimeFormat(locale, { ...zone, day: "numeric", month: "long" }),
    date: new Intl.DateTimeFormat(locale, { ...zone, weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    ago: new Intl.RelativeTimeFormat(locale, { numeric: "auto" }),
  };
  document.documentElement.lang = language;
  document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words[node.dataset.word];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", words[node.dataset.label]);
  const other = $("other-language");
  other.textContent = language === "fa" ? "English" : "فارسی";
  other.href = language === "fa" ? "#en" : "#fa";
  other.lang = language === "fa" ? "en" : "fa";
  other.dir = language === "fa" ? "ltr" : "rtl";
  draw();
}

const toman = (rials) => formats.number.format(rials / 10);
const nowMs = () => Date.now() + (status?.skew_ms ?? 0); // by the server's clock: a desk's own may be wrong

function when(ms) {
  const time = formats.time.format(ms);
  const day = formats.day.format(ms);
  return day === formats.day.format(nowMs()) ? time : `${day}، ${time}`.replace("،", language === "fa" ? "،" : ",");
}

// Browsers put the parts of a Persian date in an order that nobody writes: weekday, day, month, year it is.
function date(ms) {
  if (language !== "fa") return formats.date.format(ms);
  const part = Object.fromEntries(formats.date.formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${part.weekday} ${part.day} ${part.month} ${part.year}`;
}

function ago(ms) {
  const seconds = Math.round((ms - nowMs()) / 1000);
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([s]) => -seconds >= s) ?? [1, "second"];
  return formats.ago.format(Math.min(Math.round(seconds / size), 0), unit);
}

// --- Drawing ---

function draw() {
  document.title = `${words.name} · ${cityName()}`;
  $("city").textContent = cityName();
  drawLink();
  drawClock();
  if (!status) return;
  drawCounts();
  drawAlarms();
  drawBoardings();
  drawDevices();
}

const cityName = () => (status ? (CITIES[status.city]?.[language] ?? status.city) : "");

function drawLink() {
  const node = $("link");
  node.className = link;
  const since = link === "lost" && lastWordMs ? ` ${words.asOf} ${formats.time.format(lastWordMs)}` : "";
  const text = words[link] + since;
  if (node.textContent !== text) node.textContent = text;
  document.body.classList.toggle("stale", link === "lost");
}

function drawClock() {
  $("clock").textContent = `${date(nowMs())} · ${formats.time.format(nowMs())}`;
}

function drawCounts() {
  $("accepted").textContent = formats.number.format(status.counts.accepted);
  $("refused").textContent = formats.number.format(status.counts.refused);
  $("refusals").replaceChildren(...Object.entries(status.counts.refusals)
    .sort(([, some], [, more]) => more - some)
    .map(([verdict, count]) => el("span", `${wordsOf(Number(verdict))} ${formats.number.format(count)}`)));
  $("posted").textContent = toman(status.counts.posted_rials);
  $("quarantined").textContent = formats.number.format(status.counts.quarantined);
  $("quarantined-box").hidden = !status.counts.quarantined;
}

function drawAlarms() {
  const list = $("alarms");
  const made = status.alarms.map((alarm) => {
    const item = el("li");
    const [title, step] = ALARMS[alarm.name]?.[language] ?? [alarm.name, ""];
    const head = el("p");
    head.append(el("b", title), " ", el("bdi", alarm.device), ` — ${words.since} ${when(alarm.since_ms)}`);
    const next = el("p", "", "next");
    next.append(`${words.next}: `, el("bdi", step || alarm.fix));
    item.append(head, next);
    const detail = el("p", "", "detail");
    detail.append(`${words.detail}: `, english(alarm.detail));
    item.append(detail);
    return item;
  });
  list.replaceChildren(...(made.length ? made : [el("li", words.noAlarms, "none")]));
}

function english(text) {
  const made = el("bdi", text);
  made.lang = "en";
  return made;
}

function drawBoardings() {
  const rows = status.taps.map((tap) => {
    const row = el("tr");
    const fare = el("td", tap.fare_rials ? toman(tap.fare_rials) : "–", "number");
    row.append(el("td", when(tap.wall_ms), "time"), cell(el("bdi", tap.vehicle)), el("td", formats.number.format(tap.door)), verdictCell(tap), fare);
    if (tap.fresh) row.className = "fresh";
    return row;
  });
  fill($("boardings"), rows, words.noBoardings);
  for (const tap of status.taps) tap.fresh = false;
}

const rowOf = (verdict) => status.verdicts.find((one) => one.verdict === verdict);
const wordsOf = (verdict) => rowOf(verdict)?.[`driver_${language}`] ?? String(verdict);

function verdictCell(tap) {
  const lamp = rowOf(tap.verdict)?.lamp ?? "off";
  const made = el("td");
  const shape = el("span", SHAPES[lamp], `lamp ${lamp}`);
  shape.setAttribute("aria-hidden", "true");
  made.append(shape, " ", wordsOf(tap.verdict));
  const open = CASES[tap.payer]?.[language];
  if (open) made.append(" ", el("span", open, "case"));
  return made;
}

function cell(...parts) {
  const made = el("td");
  made.append(...parts);
  return made;
}

function fill(body, rows, none) {
  if (!rows.length) {
    const empty = el("td", none, "none");
    empty.colSpan = 5;
    rows = [cell()];
    rows[0] = el("tr");
    rows[0].append(empty);
  }
  body.replaceChildren(...rows);
}

const isBad = (camera) => camera.state === "stalled" || camera.state === "missing";

const boardOf = (device) => device.condition?.board ?? null;
const isBadBoard = (board) => board !== null && (board.state !== "there" || board.supply_low === true);

// What needs a person comes first: 0 trouble, 1 offline, 2 in order.
function calm(device) {
  if (device.problem || device.cameras.some(isBad) || isBadBoard(boardOf(device))) return 0;
  return device.online ? 2 : 1;
}

function drawDevices() {
  const rows = status.devices.toSorted((a, b) => calm(a) - calm(b)).map((device) => {
    const row = el("tr");
    const name = cell(el("bdi", device.device), el("br"), el("small", `${device.vehicle} · ${words.doorOf(formats.number.format(device.door))}`));
    const mark = el("span", device.online ? SHAPES.green : SHAPES.off, `lamp ${device.online ? "green" : "off"}`);
    mark.setAttribute("aria-hidden", "true");
    const seen = cell(mark, ` ${device.online ? words.online : words.offline}`, el("br"), el("small", device.last_seen_ms ? ago(device.last_seen_ms) : words.never));
    const backlog = el("td", formats.number.format(device.backlog), device.backlog ? "number some" : "number");
    const problem = el("td", "", device.problem ? "trouble" : "");
    problem.append(device.problem ? english(device.problem) : words.noProblem);
    row.append(name, seen, backlog, cameraCell(device), problem);
    return row;
  });
  fill($("devices"), rows, words.noDevices);
}

const percent = (permille) => formats.number.format(Math.round(permille / 10));

function cameraCell(device) {
  const made = el("td", device.cameras.length ? "" : words.noNews);
  for (const camera of device.cameras) {
    const bad = isBad(camera);
    const line = el("div", "", bad ? "trouble" : "");
    line.append(bad ? `${SHAPES.red} ` : "", el("bdi", camera.name), ` ${CAMERA_STATES[camera.state]?.[language] ?? camera.state}`);
    if (camera.haze_permille) line.append(el("br"), el("small", words.lensOf(percent(camera.blur_permille), percent(camera.haze_permille))));
    made.append(line);
  }
  const board = boardOf(device);
  if (board !== null) made.append(boardLine(board));
  return made;
}

function boardLine(board) {
  const bad = isBadBoard(board);
  const line = el("div", "", bad ? "trouble" : "");
  line.append(bad ? `${SHAPES.red} ` : "", words.boardOf(BOARD_STATES[board.state]?.[language] ?? board.state));
  const volts = board.supply_mv === null ? "" : formats.volts.format(board.supply_mv / 1000);
  if (volts) line.append(el("br"), el("small", words.supplyOf(volts, board.supply_low)));
  return line;
}

// --- What arrives ---

const idOf = (tap) => `${tap.device}|${tap.epoch}|${tap.sequence}`;

async function refresh() {
  try {
    const answer = await fetch("/v1/status", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const got = await answer.json();
    got.skew_ms = got.now_ms - Date.now();
    if (status) mergeTaps(got);
    status = got;
    heard();
    draw();
  } catch (error) {
    console.warn("no status:", error.message);
    lose();
  }
}

// Rows that events brought while the answer was on its way stay.
function mergeTaps(got) {
  const known = new Set(got.taps.map(idOf));
  const newer = status.taps.slice(0, ROWS_MAX).filter((tap) => tap.live && !known.has(idOf(tap)) && tap.heard_ms > Date.now() - POLL_MS);
  got.taps = [...newer, ...got.taps].slice(0, ROWS_MAX);
}

function heard() {
  lastWordMs = nowMs();
  if (events?.readyState !== EventSource.OPEN || link === "live") return;
  link = "live";
  drawLink();
}

function lose() {
  link = "lost";
  drawLink();
}

function listen() {
  events = new EventSource("/v1/events");
  events.onopen = refresh;
  events.onerror = () => {
    lose();
    // A refusal (too many views, a stopping server) ends an EventSource for good; a broken line does not.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MS);
  };
  events.addEventListener("boarding", (event) => take(event, (tap) => {
    if (status.taps.some((known) => idOf(known) === idOf(tap))) return;
    status.taps = [{ ...tap, live: true, fresh: true, heard_ms: Date.now() }, ...status.taps].slice(0, ROWS_MAX);
    drawSoon(drawBoardings);
  }));
  events.addEventListener("counts", (event) => take(event, (counts) => {
    status.counts = counts;
    drawSoon(drawCounts);
  }));
  events.addEventListener("alarm", (event) => take(event, (alarm) => {
    status.alarms = status.alarms.filter((known) => known.id !== alarm.id);
    if (alarm.ended_ms === null) status.alarms.unshift(alarm);
    drawSoon(drawAlarms);
  }));
}

function take(event, apply) {
  if (!status) return;
  apply(JSON.parse(event.data));
  heard();
}

// A burst of events is drawn once.
const waiting = new Set();
function drawSoon(what) {
  if (!waiting.size) requestAnimationFrame(() => {
    const now = [...waiting];
    waiting.clear();
    for (const one of now) one();
  });
  waiting.add(what);
}

addEventListener("hashchange", setLanguage);
setLanguage();
refresh();
listen();
setInterval(refresh, POLL_MS);
setInterval(drawClock, 1000);
