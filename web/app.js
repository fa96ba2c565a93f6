/* The page: wires the connection (client.js) to what is known of the rooms (room.js) and to what is seen of them. */
import { Banter } from "./client.js";
import { Composer } from "./composer.js";
import { Chooser, confirmed, pickEmoji, SearchPane } from "./dialogs.js";
import { MessageList } from "./list.js";
import { explain, kept, NameDialog } from "./login.js";
import { mentions, same } from "./markup.js";
import { canNotify, notifies, notify, showInTitle, toggleNotifications } from "./notify.js";
import { Room } from "./room.js";
import { drawPeople, drawSidebar } from "./sidebar.js";

const $ = (id) => document.getElementById(id);
const READ_MS = 1000;
const MEMBERS_MS = 400;
const FAR_PAGES = 200; /* how many pages back a jump goes */

const banter = new Banter(new URL("/ws", location.href.replace(/^http/, "ws")), { name: kept.get("name"), session: kept.get("session"), token: kept.get("token") });
const me = () => banter.name;
const rooms = new Map();
let current = null, everywhere = [], stay = kept.stays(), started = false;

/* The rooms this browser was in the last time. */
const mine = () => JSON.parse(localStorage.getItem("rooms") ?? '["lobby"]');
const remember = () => localStorage.setItem("rooms", JSON.stringify([...rooms.values()].filter((room) => !room.direct).map(({ name }) => name)));

function room(name) {
  if (!rooms.has(name)) {
    const made = new Room(name, me);
    rooms.set(name, made);
    made.addEventListener("change", soon(() => { drawRooms(); if (made === current) drawHead(); }));
  }
  return rooms.get(name);
}

/** At most once a frame. */
function soon(run) {
  let waiting = 0;
  return () => { waiting ||= requestAnimationFrame(() => { waiting = 0; run(); }); };
}

function drawRooms() {
  drawSidebar(rooms, current, enter);
  const all = [...rooms.values()];
  showInTitle(current ? `${current.direct ? "@" : "#"} ${current.title}` : "banter", all.reduce((sum, one) => sum + one.mentioned, 0),
    all.reduce((sum, one) => sum + one.unread, 0));
}

function drawHead() {
  $("room-name").textContent = `${current.direct ? "@" : "#"} ${current.title}`;
  $("topic").textContent = current.topic || (current.direct ? "" : "Set a topic");
  $("topic").title = current.topic;
  $("topic").classList.toggle("empty", !current.topic);
  $("topic").hidden = current.direct;
  $("count").textContent = current.count ? `${current.count} here` : "";
  $("count").hidden = current.direct || !current.count;
  $("me").textContent = me() ? `You are ${me()}` : "Choose a name";
  const typing = [...current.typing.keys()];
  $("typing").textContent = !typing.length ? "" : typing.length > 3 ? "Several people are typing…"
    : `${typing.join(", ")} ${typing.length > 1 ? "are" : "is"} typing…`;
  drawPeople(current, me(), (name) => converse(name));
}

/** Something went wrong that belongs to no message. */
function say(problem, retryMs) {
  $("problem-text").textContent = problem ? (retryMs ? `${problem}. Try again in ${Math.ceil(retryMs / 1000)} s.` : problem) : "";
  $("problem").hidden = !problem;
}

const words = (error) => error.retryMs ? `${error.message}, try again in ${Math.ceil(error.retryMs / 1000)} s` : error.message;

const composer = new Composer({
  send: (text, re) => send(current, text, re),
  edit: (message, text) => act(banter.edit(current.name, message.seq, text)),
  typing: () => banter.typing(current.name),
  names: () => [...new Set([...current.members.map(({ name }) => name), ...current.messages.slice(-200).map(({ sender }) => sender)])].sort(),
  limit: () => banter.limits.message,
});

const list = new MessageList($("log"), {
  reply: (message) => composer.reply(message),
  edit: (message) => composer.edit(message),
  remove: async (message) => {
    if (await confirmed("Delete this message? Its text is erased on the server, for everybody.", "Delete"))
      act(banter.remove(current.name, message.seq));
  },
  react: (message, key) => act(banter.react(current.name, message.seq, key, message.reactions.get(key)?.has(me()) ? "remove" : "add")),
  pick: (message, anchor) => pickEmoji(anchor, (key) => act(banter.react(current.name, message.seq, key))),
  retry: (message) => transmit(current, message),
  discard: (message) => current.settle(message),
  jump: (seq) => jump(current.name, seq),
  earlier: () => loadEarlier(),
  seen: () => seen(),
  away: (is) => { $("down").hidden = !is; },
});

const search = new SearchPane({
  find: (q, offset) => banter.search(q, { offset }),
  jump,
  title: (name) => { const found = rooms.get(name) ?? new Room(name, me); return `${found.direct ? "@" : "#"} ${found.title}`; },
});

const chooser = new Chooser();

const nameDialog = new NameDialog($, {
  onEnter(who) {
    stay = Boolean(who.stay);
    banter.login(who).then(() => composer.focus(), () => {}); /* "problem" tells of a refusal */
  },
  onSignOut() {
    kept.forget();
    banter.close();
    location.reload();
  },
});

function askName(refusal) {
  const problem = refusal && explain(refusal), name = refusal?.name ?? banter.name;
  nameDialog.ask({ name, problem, signIn: refusal?.code === "unauthorized", account: banter.isAccount });
}

/* What one does */

async function act(asked) {
  try { await asked; say(); } catch (error) { say(words(error)); }
}

function send(target, text, re) {
  say();
  const message = target.wait(text, re);
  transmit(target, message);
  list.toEnd();
}

async function transmit(target, message) {
  if (message.problem) target.retrying(message);
  message.cid ??= `${Math.random().toString(36).slice(2)}${performance.now().toString(36)}`;
  try {
    await banter.send(target.name, message.content, { cid: message.cid, re: message.re });
    target.settle(message);
  } catch (error) {
    target.settle(message, words(error));
  }
}

async function enter(name) {
  const entered = room(name);
  $("nav").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  say();
  current = entered;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  list.show(entered);
  composer.show(entered);
  drawRooms();
  drawHead();
  if (matchMedia("(pointer: fine)").matches) composer.focus();
  if (banter.state !== "online") return;
  if (!entered.direct && !banter.rooms.has(name)) await joinRoom(entered);
  else if (!entered.messages.length) loadEarlier();
  drawMembers();
}

async function joinRoom(target) {
  try {
    await banter.join(target.name);
    remember();
  } catch (error) {
    say(`${target.title}: ${words(error)}`);
    if (target.messages.length) return;
    rooms.delete(target.name);
    remember();
    if (target === current && target.name !== "lobby") enter("lobby");
  }
}

async function leaveRoom() {
  const left = current;
  if (left.direct || left.name === "lobby") return;
  rooms.delete(left.name);
  remember();
  enter("lobby");
  act(banter.leave(left.name));
}

/** To the conversation with somebody; it begins with the first message. */
function converse(name) {
  const known = [...rooms.values()].find((one) => one.direct && same(one.title, name));
  enter(known ? known.name : `@${name}`);
}

let loading = false;

/* Another page of what was said before, without moving what is on the screen. */
async function loadEarlier() {
  const target = current;
  if (loading || target.whole || banter.state !== "online" || (target.direct && !target.name.includes(","))) return false;
  loading = true;
  try {
    const page = await banter.history(target.name, target.first ? { before: target.first } : {});
    if (!page.more) target.whole = true;
    target.dispatchEvent(new Event("change"));
    return page.items.length > 0;
  } catch (error) {
    if (error.code === "not_found") target.whole = true;
    else say(words(error));
    return false;
  } finally {
    loading = false;
  }
}

/** To where something was said, however far back. */
async function jump(name, seq) {
  if (current.name !== name) await enter(name);
  const target = current;
  for (let page = 0; page < FAR_PAGES && current === target && !target.find(seq) && (!target.first || target.first > seq); page++)
    if (!(await loadEarlier()) && !loading) break;
  if (!list.reveal(seq)) say("That message is too far back, or was deleted.");
}

/* The end of the room is on the screen of somebody who looks. */
function seen() {
  if (document.hidden || !current.joined) return;
  const target = current;
  if (!target.markRead()) return;
  clearTimeout(target.telling);
  target.telling = setTimeout(() => banter.read(target.name, target.read), READ_MS);
}

let membersTimer = 0;

function drawMembers() {
  clearTimeout(membersTimer);
  membersTimer = setTimeout(async () => {
    const target = current;
    if (banter.state !== "online" || target.direct || $("side").hidden && target.count > 500) return;
    try {
      target.members = (await banter.members(target.name)).items;
      drawHead();
    } catch { /* it was left meanwhile */ }
  }, MEMBERS_MS);
}

async function go() {
  const source = (typed) => {
    const folded = typed.toLowerCase().replace(/^[#@]\s*/, "");
    const known = [...rooms.values()].map((one) => ({ label: `${one.direct ? "@" : "#"} ${one.title}`, run: () => enter(one.name),
      hint: one.mentioned ? `${one.mentioned} mentions` : one.unread ? `${one.unread} unread` : "" }));
    const others = everywhere.filter(({ room: name }) => !rooms.has(name)).map((one) => ({ label: `# ${one.room}`, run: () => enter(one.room),
      hint: one.client_count ? `${one.client_count} here` : "join" }));
    const people = current.members.filter(({ name }) => name !== me()).map(({ name }) => ({ label: `@ ${name}`, hint: "write to", run: () => converse(name) }));
    const found = [...known, ...others, ...people].filter(({ label }) => label.toLowerCase().includes(folded));
    const exact = found.some(({ label }) => label.slice(2).toLowerCase() === folded);
    if (folded && !exact) found.push({ label: `# ${folded}`, hint: "make this room", run: () => enter(folded) });
    return found;
  };
  chooser.open(source, "Go to a room or a person");
  try {
    everywhere = (await banter.list()).items;
    chooser.refresh();
  } catch { /* those we are in must do */ }
}

function step(by) {
  const names = [...document.querySelectorAll("#nav li button")], at = names.findIndex((one) => one.hasAttribute("aria-current"));
  names[(at + by + names.length) % names.length]?.click();
}

/* What the connection tells */

const STATES = { connecting: "Connecting…", online: "Connected", closed: "Not connected" };
let countdown = 0;

banter.addEventListener("state", ({ detail: { state, retryMs, reason, code } }) => {
  clearInterval(countdown);
  $("state").className = state;
  $("state").textContent = STATES[state] ?? "";
  if (state === "offline") {
    const until = Date.now() + retryMs;
    const tell = () => { $("state").textContent = `Connection lost, trying again in ${Math.max(0, (until - Date.now()) / 1000).toFixed(0)} s`; };
    tell();
    countdown = setInterval(tell, 1000);
  }
  if (state === "closed" && code === 1008) { kept.forget(); askName({ code: "unauthorized", shown: "session", name: me() }); }
  else if (state === "closed" && reason) say(`${reason} Reload this page to talk here.`);
});

banter.addEventListener("welcome", ({ detail }) => {
  kept.keep(banter, stay && banter.isAccount);
  say();
  for (const place of detail.rooms) Object.assign(room(place.room), { joined: true }).place(place);
  for (const name of mine()) if (!banter.rooms.has(name)) { room(name); if (name !== current.name) joinRoom(room(name)); }
  if (!started) for (const frame of JSON.parse(sessionStorage.getItem("unanswered") ?? "[]")) resume(frame);
  started = true;
  enter(current.name);
});

/* What the last life of this page had sent and got no answer for. */
function resume(frame) {
  const target = room(frame.room ?? `@${frame.to}`), message = target.wait(frame.content, frame.re);
  message.cid = frame.cid;
  banter.resend(frame).then(() => target.settle(message), (error) => target.settle(message, words(error)));
}

banter.addEventListener("pending", () => sessionStorage.setItem("unanswered", JSON.stringify(banter.unanswered)));

banter.addEventListener("joined", ({ detail }) => {
  const target = room(detail.room);
  Object.assign(target, { count: detail.client_count, topic: detail.topic, joined: true });
  if (detail.last === 0) target.whole = true;
  target.place(detail);
});

banter.addEventListener("gap", ({ detail }) => {
  const target = room(detail.room);
  if (detail.reason !== "retention") target.clear();
  target.note(detail.reason === "retention" ? "Older messages are not kept here any more." : "The server began anew: what was said before is gone.");
});

banter.addEventListener("entry", ({ detail: { entry, older } }) => {
  const target = room(entry.room);
  if (entry.room.includes(",") && current.name.startsWith("@") && same(current.title, target.title) && current !== target) {
    rooms.delete(current.name); /* it was called by the other's name until it existed */
    target.waiting = current.waiting;
    target.draft = current.draft;
    target.whole = true;
    target.joined = true;
    enter(target.name);
  }
  const fresh = target.add(entry, older);
  if (!fresh || older || same(entry.sender, me())) return;
  if (target.direct || mentions(entry.content, me()))
    notify(target.direct ? entry.sender : `${entry.sender} in #${target.title}`, entry.content, target.name, () => enter(target.name));
});

banter.addEventListener("presence", ({ detail }) => {
  const target = room(detail.room);
  target.count = detail.client_count;
  for (const name of detail.join ?? []) if (!same(name, me())) target.note(`${name} joined`);
  for (const name of detail.leave ?? []) if (!same(name, me())) target.note(`${name} left`);
  target.dispatchEvent(new Event("change"));
  if (target === current) drawMembers();
});

banter.addEventListener("typing", ({ detail }) => { if (detail.state !== "idle") room(detail.room).isTyping(detail.sender); });
banter.addEventListener("read", ({ detail }) => { const target = room(detail.room); target.read = Math.max(target.read, detail.seq); if (detail.seq >= target.last) target.markRead(); });
banter.addEventListener("notice", ({ detail }) => { if (detail.room) room(detail.room).note(detail.message); else say(detail.message); });

banter.addEventListener("problem", ({ detail }) => {
  if (detail.code === "unauthorized" && ["session", "token"].includes(detail.shown)) kept.forget();
  if (detail.cid === "hello") askName(detail);
  else say(detail.room ? `${detail.room}: ${detail.message}` : detail.message, detail.retry_ms);
});

/* What hands do */

$("me").onclick = () => askName();
$("menu").onclick = () => $("menu").setAttribute("aria-expanded", $("nav").classList.toggle("open"));
/* Beside the open list of rooms, on a narrow screen, there is nothing else to do. */
document.querySelector("main").addEventListener("click", (event) => {
  if (!$("nav").classList.contains("open") || $("menu").contains(event.target)) return;
  event.preventDefault();
  event.stopPropagation();
  $("menu").click();
}, true);
$("go").onclick = go;
$("find").onclick = () => search.open(current.direct ? "" : current.title);
$("help-open").onclick = () => $("help").showModal();
$("help").onclick = (event) => { if (event.target === $("help")) $("help").close(); };
$("count").onclick = () => { $("search").hidden = true; $("side").hidden = !$("side").hidden; drawMembers(); };
$("side-close").onclick = () => { $("side").hidden = true; };
$("leave").onclick = leaveRoom;
$("problem-close").onclick = () => say();
$("down").onclick = () => list.toEnd();
$("state").onclick = () => banter.hurry();
$("join-form").onsubmit = (event) => {
  event.preventDefault();
  const name = $("join-room").value.trim().replace(/^#\s*/, "");
  $("join-room").value = "";
  if (name.startsWith("@")) converse(name.slice(1).trim());
  else if (name) enter(name);
};
$("topic").onclick = () => {
  $("topic-text").value = current.topic;
  $("topic-dialog").showModal();
};
$("topic-form").onsubmit = () => act(banter.topic(current.name, $("topic-text").value.trim()));
$("bell").hidden = !canNotify();
const drawBell = () => { $("bell").ariaPressed = String(notifies()); $("bell").textContent = notifies() ? "Notifications are on" : "Notify me when I am called"; };
$("bell").onclick = async () => { await toggleNotifications(); drawBell(); };
drawBell();

addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey, open = document.querySelector("dialog[open]");
  if (command && event.key.toLowerCase() === "k") { event.preventDefault(); go(); }
  else if (open) return;
  else if (command && event.shiftKey && event.key.toLowerCase() === "f") { event.preventDefault(); $("find").click(); }
  else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) { event.preventDefault(); step(event.key === "ArrowUp" ? -1 : 1); }
  else if (event.key === "Escape") {
    if (!$("search").hidden) search.close();
    else if ($("nav").classList.contains("open")) $("menu").click();
    else { list.toEnd(); seen(); composer.focus(); }
  } else if (event.key === "?" && !/^(TEXTAREA|INPUT)$/.test(document.activeElement.tagName)) $("help").showModal();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) list.look(); });
addEventListener("online", () => banter.hurry());
navigator.serviceWorker?.register("/sw.js").catch(() => {}); /* without it the page works, only not from a phone's home screen */

current = room(decodeURIComponent(location.hash.slice(1)) || "lobby");
enter(current.name);
if (banter.name || banter.token) banter.connect();
else askName();
