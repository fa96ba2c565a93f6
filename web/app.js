/* The page: rooms at the side, messages in the middle, a line to write in. */
import { Banter } from "./client.js";
import { RoomLog } from "./log.js";
import { NameDialog, explain, kept } from "./login.js";

const $ = (id) => document.getElementById(id);
const socketUrl = new URL("/ws", location.href.replace(/^http/, "ws"));
const banter = new Banter(socketUrl, { name: kept.get("name"), session: kept.get("session"), token: kept.get("token") });
const rooms = new Map(); /* name → {log, unread, count, topic, whole} */
let current = decodeURIComponent(location.hash.slice(1)) || "lobby";

function room(name) {
  if (!rooms.has(name)) rooms.set(name, { log: new RoomLog(), unread: 0, count: 0, topic: "", whole: false });
  return rooms.get(name);
}

/* What a direct-message room is called for us: the other one's name. */
function title(name) {
  if (!name.startsWith("@")) return `# ${name}`;
  const both = name.slice(1).split(",");
  return `@ ${both.find((one) => one !== banter.name) ?? banter.name}`;
}

function drawRooms() {
  const items = [...rooms.keys()].sort((a, b) => title(a).localeCompare(title(b))).map((name) => {
    const item = document.createElement("li"), button = document.createElement("button"), label = document.createElement("span");
    label.textContent = title(name);
    button.type = "button";
    button.append(label);
    button.onclick = () => enter(name);
    if (name === current) button.setAttribute("aria-current", "page");
    if (rooms.get(name).unread) {
      const unread = document.createElement("span");
      unread.className = "unread";
      unread.textContent = rooms.get(name).unread;
      unread.setAttribute("aria-label", `${rooms.get(name).unread} unread`);
      button.append(unread);
    }
    item.append(button);
    return item;
  });
  $("room-list").replaceChildren(...items);
  const unread = [...rooms.values()].reduce((sum, { unread }) => sum + unread, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${title(current)} · banter`;
}

function drawHead() {
  const { topic, count } = room(current);
  $("room-name").textContent = title(current);
  $("topic").textContent = $("topic").title = topic ?? "";
  $("count").textContent = count ? `${count} here` : "";
  $("text").placeholder = `Message ${title(current)}`;
  $("me").textContent = banter.name ? `You are ${banter.name}` : "Choose a name";
}

function say(problem, retryMs) {
  $("problem").textContent = retryMs ? `${problem}. Try again in ${Math.ceil(retryMs / 1000)} s.` : problem ?? "";
  $("problem").hidden = !problem;
}

async function enter(name) {
  room(current).log.hide();
  current = name;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  $("rooms").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  const entered = room(name);
  entered.unread = 0;
  entered.log.show($("log"));
  drawRooms();
  drawHead();
  $("text").focus();
  if (!name.startsWith("@") && !banter.rooms.has(name)) {
    try {
      await banter.join(name);
    } catch (error) {
      say(error.message, error.retryMs);
      rooms.delete(name);
      if (name !== "lobby") enter("lobby");
    }
  } else if (!entered.log.first) {
    loadEarlier();
  }
}

let loading = false;

/* Another page of what was said before, without moving what is on the screen. */
async function loadEarlier() {
  const { log, whole } = room(current), shown = current;
  if (loading || whole || banter.state !== "online") return;
  loading = true;
  try {
    const page = await banter.history(shown, log.first || undefined);
    if (!page.more) room(shown).whole = true;
  } catch (error) {
    if (error.code !== "not_found") say(error.message);
  } finally {
    loading = false;
  }
}

let stay = kept.stays();

const nameDialog = new NameDialog($, {
  onEnter(who) {
    stay = Boolean(who.stay);
    if (who.password || who.token) banter.signIn(who);
    else banter.rename(who.name);
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

async function send() {
  const text = $("text").value.trim(), target = current;
  if (!text) return;
  $("text").value = "";
  fit();
  say();
  const done = room(target).log.wait(banter.name, text);
  try {
    await banter.send(target, text);
    done();
  } catch (error) {
    done(error.message);
    say(error.message, error.retryMs);
  }
}

function fit() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

const STATES = { connecting: "Connecting…", online: "Connected", closed: "Not connected" };

banter.addEventListener("state", ({ detail: { state, retryMs, reason } }) => {
  $("state").className = state;
  $("state").textContent = STATES[state] ?? `Connection lost, trying again in ${(retryMs / 1000).toFixed(1)} s`;
  if (state === "closed" && reason) say(`${reason} Reload this page to talk here.`);
});

banter.addEventListener("welcome", ({ detail }) => {
  kept.keep(banter, stay && banter.isAccount);
  detail.rooms.forEach(({ room: name }) => room(name));
  say();
  enter(current);
});

banter.addEventListener("joined", ({ detail }) => {
  Object.assign(room(detail.room), { count: detail.client_count, topic: detail.topic, whole: detail.last === 0 });
  drawRooms();
  drawHead();
});

banter.addEventListener("gap", ({ detail }) => {
  const { log } = room(detail.room);
  if (detail.reason !== "retention") log.clear();
  log.note("Older messages are not kept here any more.");
});

banter.addEventListener("entry", ({ detail: { entry, older } }) => {
  const target = room(entry.room);
  if (entry.type === "topic") target.topic = entry.content;
  const fresh = target.log.add(entry);
  if (fresh && !older && entry.sender !== banter.name && (entry.room !== current || document.hidden)) target.unread++;
  if (!older) drawRooms();
  if (entry.type === "topic") drawHead();
});

banter.addEventListener("presence", ({ detail }) => {
  const target = room(detail.room);
  target.count = detail.client_count;
  for (const name of detail.join ?? []) if (name !== banter.name) target.log.note(`${name} joined`);
  for (const name of detail.leave ?? []) if (name !== banter.name) target.log.note(`${name} left`);
  drawHead();
});

banter.addEventListener("problem", ({ detail }) => {
  if (detail.code === "unauthorized" && ["session", "token"].includes(detail.shown)) kept.forget();
  if (detail.cid === "hello") askName(detail);
  else say(detail.message, detail.retry_ms);
});

$("composer").onsubmit = (event) => { event.preventDefault(); send(); };
$("text").oninput = fit;
$("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
};
$("join-form").onsubmit = (event) => {
  event.preventDefault();
  const name = $("join-room").value.trim().replace(/^#\s*/, "");
  $("join-room").value = "";
  if (name) enter(name);
};
$("me").onclick = () => askName();
$("menu").onclick = () => $("menu").setAttribute("aria-expanded", $("rooms").classList.toggle("open"));
$("log").onscroll = () => { if ($("log").scrollTop < 200) loadEarlier(); };
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !rooms.has(current)) return;
  rooms.get(current).unread = 0;
  drawRooms();
});

room(current).log.show($("log"));
drawRooms();
drawHead();
if (banter.name || banter.token) banter.connect();
else askName();
