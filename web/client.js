/* One connection to a banter server that stays, as far as its user can tell: the banter.v1 protocol for browsers and
 * Node. It says hello, joins rooms, and keeps for each room the number of the last entry it has passed on. When the
 * connection is lost it comes back after a moment and goes on from there: nothing is missing, nothing comes twice. What
 * was sent meanwhile is kept and sent again under the same cid, so that it is stored once.
 *
 *     const banter = new Banter("wss://chat.example.org/ws", { name: "robot" });
 *     await banter.connect();
 *     await banter.send("ops", "deploy done");             // resolves when it is on the server's disk
 *     for await (const entry of banter.entries("ops")) console.log(entry.sender, entry.content);
 *
 * Events (each a CustomEvent whose `detail` is the frame, or as told): "state" {state, retryMs, reason}, "welcome",
 * "joined", "entry" {entry, older}, "live", "gap", "presence", "typing", "read", "notice", "problem", "pending". */

/** Close codes after which coming back would be no use (1008, and 4500 to 4999): the error they mean, in words. */
const FINAL = {
  1008: ["unauthorized", "The server does not let this page or this login in."], 4500: ["forbidden", "You were removed from this server."],
  4501: ["forbidden", "You are banned from this server."], 4502: ["closed", "This session is open somewhere else."],
};
/* What is stored under its cid, so that it may be sent twice. */
const STORED = ["message", "edit", "delete", "react", "topic"];
const AGAIN_MS = 1000;
/* A connection may be dead without anybody being told. One that is silent for so long is asked for an answer. */
const WATCH_MS = 5000, SILENT_MS = 30000, DEAD_MS = 10000;

/* Node has it since 19. */
const Told = globalThis.CustomEvent ?? class extends Event {
  constructor(type, { detail }) { super(type); this.detail = detail; }
};

/** What the server answered instead of doing what was asked for. `code` is one of the protocol's words: "rate_limited",
 *  "forbidden", "not_found" …, or "closed"; `retryMs` is how long to wait before asking again, where that helps. */
export class BanterError extends Error {
  constructor(answer) {
    super(answer.detail ?? answer.message);
    this.name = "BanterError";
    this.code = answer.code;
    this.retryMs = answer.retry_ms;
    this.room = answer.room;
  }
}

export class Banter extends EventTarget {
  #url; #Socket; #socket = null; #timer = null; #watch = null; #attempts = 0; #next = 1; #stopped = true;
  #reconnect = [500, 8000];
  #prefix = Math.random().toString(36).slice(2, 10);
  #pending = new Map();  /* cid → {frame, promise, resolve, reject, answered} */
  #left = [];            /* frames that had no answer when it was closed */
  #feeds = new Set();    /* see entries() */
  #called = new Map();   /* a room as it was asked for → as it is called */
  #untold = new Set();   /* rooms joined of which nothing has come yet */
  #password = ""; #shown = ""; #granted = ""; #welcomed = null;
  #heard = 0; #probed = 0;
  #connected = null;     /* settles connect() */
  /** Room → {epoch, after}: how far it was read. */
  rooms = new Map();
  /** The name this client goes by; "" before it has one. */
  name;
  /** The secret to come back with: keep it if this page or program may be restarted. */
  session;
  /** One that was given out by the server's operator, or a JWT. */
  token;
  /** What the server said in its welcome: {message: bytes, per_minute}. */
  limits = {};
  state = "offline";

  /** `url` is the server's /ws. `options`: name, session, token, password; WebSocket where there is no global one. */
  constructor(url, { name = "", session = "", token = "", password = "", WebSocket: Socket = globalThis.WebSocket } = {}) {
    super();
    if (!Socket) throw new TypeError("There is no WebSocket here; give one in the options: { WebSocket }");
    this.#url = String(url);
    this.#Socket = Socket;
    this.name = name;
    this.session = session;
    this.token = token;
    this.#password = password;
  }

  /** Whether it is an account that is here, rather than a guest. */
  get isAccount() { return this.session.startsWith("bt_") || Boolean(this.token); }

  /** Connects, and from then on stays connected. Resolves with the welcome; rejects when the server refuses the hello: then
   *  login() tries another one, on the same connection. */
  connect() {
    if (this.state === "online") return Promise.resolve(this.#welcomed);
    const welcomed = this.#awaitWelcome();
    if (this.#stopped) this.#open();
    return welcomed;
  }

  /** Leaves for good; resolves when that is done. What has no answer yet is rejected, and stays in `unanswered`. */
  close() {
    const socket = this.#socket;
    if (!socket) {
      if (this.state !== "closed") this.#end("closed", "");
      return Promise.resolve();
    }
    this.#stopped = true;
    return new Promise((resolve) => {
      this.addEventListener("state", resolve, { once: true });
      socket.close(1000);
    });
  }

  /** Introduces itself anew: by another name, with its password, or with a token. Settled like connect(). */
  login({ name = "", password = "", token = "" } = {}) {
    this.name = name;
    this.#password = password;
    if (token) [this.token, this.session] = [token, ""];
    const welcomed = this.#awaitWelcome();
    if (this.#socket?.readyState === 1) this.#hello();
    else if (!this.#socket) this.#open();
    return welcomed;
  }

  /** Joins a room; from then on its entries come as "entry" events. Without `after`: the last 100 first. */
  join(room, { after, epoch } = {}) { return this.#request({ type: "join", room, after, epoch }); }

  /** Leaves a room; iterators of its entries end. */
  leave(room) { return this.#request({ type: "leave", room: this.#nameOf(room) }); }

  /** Resolves with {seq, id, timestamp} when the message is durable. `room` is a room's name, or "@name" for a direct
   *  message. `cid` makes sending again harmless, also from another connection; `re` is the seq this answers. */
  send(room, content, { cid, re } = {}) {
    const direct = room.startsWith("@") && !room.includes(",");
    return this.#request({ type: "message", ...(direct ? { to: room.slice(1) } : { room }), content, re }, { cid });
  }

  edit(room, of, content) { return this.#request({ type: "edit", room, of, content }); }
  remove(room, of) { return this.#request({ type: "delete", room, of }); }
  react(room, of, key, op = "add") { return this.#request({ type: "react", room, of, key, op }); }
  topic(room, content) { return this.#request({ type: "topic", room, content }); }
  history(room, { before, after, limit = 100 } = {}) { return this.#request({ type: "history", room, before, after, limit }); }
  search(q, { rooms, limit = 20, offset } = {}) { return this.#request({ type: "search", q, rooms, limit, offset }); }
  list() { return this.#request({ type: "rooms" }); }
  members(room) { return this.#request({ type: "members", room }); }
  /** Any other request of the protocol; resolves with its answer. */
  ask({ cid, ...frame }) { return this.#request(frame, { cid }); }

  /** These two are told when there is a connection, and forgotten when there is none. */
  typing(room) { if (this.state === "online") this.#transmit({ type: "typing", room, state: "active" }); }
  read(room, seq) { if (this.state === "online") this.#transmit({ type: "read", room, seq }); }

  /** The entries of a room from now on (or after `after`), each once and in order, over lost connections. What is not
   *  taken waits in memory: whoever does not want them any more ends the loop, or calls return(). */
  entries(room, { after } = {}) {
    const feed = new Feed(room, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    this.#begin(feed, after).catch((error) => feed.end(error));
    return feed;
  }

  /** Messages that wait for an answer, as frames: to be kept over a restart and given to resend(). */
  get unanswered() {
    return [...this.#left, ...[...this.#pending.values()].map(({ frame }) => frame)].filter(({ type }) => type === "message");
  }

  /** Sends a frame of an earlier life again, under its cid. */
  resend(frame) { return this.#request(frame, { cid: frame.cid }); }

  /** Tries at once instead of when the time has come: the network is back, or somebody is impatient. */
  hurry() { if (this.state === "offline" && !this.#stopped) this.#open(); }

  #nameOf(room) { return this.#called.get(room) ?? room; }

  #awaitWelcome() {
    if (!this.#connected) {
      this.#connected = settler();
      this.#connected.promise.catch(() => {}); /* whoever listens to "problem" need not wait here */
    }
    return this.#connected.promise;
  }

  #open() {
    clearTimeout(this.#timer);
    this.#stopped = false;
    this.#left = [];
    this.#setState("connecting");
    const socket = new this.#Socket(this.#url, "banter.v1");
    const ours = (handle) => (event) => { if (socket === this.#socket) handle(event); };
    this.#socket = socket;
    socket.onopen = ours(() => this.#hello());
    socket.onmessage = ours((event) => this.#receive(JSON.parse(event.data)));
    socket.onerror = () => {}; /* a close follows, and says more */
    socket.onclose = ours((event) => this.#closed(event));
    this.#heard = Date.now();
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  /** Whether the other end is still there: a browser shows no pings, and answers to none of ours. */
  #look() {
    const now = Date.now(), asked = this.#probed > this.#heard;
    if (asked ? now - this.#probed > DEAD_MS : this.state !== "online" && now - this.#heard > SILENT_MS) {
      const socket = this.#socket;
      this.#closed({ code: 1006, reason: "" });
      if (socket.terminate) socket.terminate();
      else socket.close();
    } else if (!asked && this.state === "online" && now - this.#heard > SILENT_MS) {
      this.#probed = now; /* a mark that moves nothing is the least that is answered */
      this.#transmit({ type: "read", room: this.rooms.keys().next().value ?? "lobby", seq: 0, cid: "probe" });
    }
  }

  #request(asked, { cid = `${this.#prefix}-${this.#next++}`, answered } = {}) {
    if (this.state === "closed") return Promise.reject(new BanterError({ message: "Not connected any more", code: "closed" }));
    const frame = { ...asked, cid }, same = this.#pending.get(cid);
    if (same) return same.promise;
    this.#pending.set(cid, { frame, answered, ...settler() });
    const { promise } = this.#pending.get(cid);
    this.#emit("pending", {});
    if (this.state === "online") this.#transmitKept(frame);
    return promise;
  }

  #transmit(frame) { this.#socket.send(JSON.stringify(frame)); }

  /** What the server would hang up at is refused here. */
  #transmitKept(frame) {
    if (this.limits.message && frame.content?.length > this.limits.message / 3 &&
        new TextEncoder().encode(frame.content).length > this.limits.message)
      this.#settle({ type: "error", code: "too_large", message: "Message too large", cid: frame.cid });
    else this.#transmit(frame);
  }

  #hello() {
    const hello = { type: "hello", cid: "hello" };
    if (this.name) hello.name = this.name;
    if (this.#password) hello.password = this.#password;
    else if (this.session && this.state !== "online") hello.session = this.session;
    else if (this.token) hello.token = this.token;
    this.#shown = ["password", "session", "token"].find((way) => way in hello) ?? "";
    if (this.state !== "online" && this.rooms.size) hello.resume = Object.fromEntries(this.rooms);
    this.#transmit(hello);
  }

  #closed({ code, reason }) {
    this.#socket = null;
    clearInterval(this.#watch);
    if (this.#stopped) {
      this.#end("closed", "", code);
    } else if (code === 1008 || code >= 4500) {
      const [meaning, words] = FINAL[code] ?? ["closed", reason];
      if (reason === "Invalid origin") this.#end("forbidden", words, code);
      else {
        if (code === 1008) this.session = this.token = ""; /* what it came with is good no more */
        this.#end(meaning, words, code);
      }
    } else {
      const [least, most] = this.#reconnect;
      const restart = code === 1012 && this.state === "online"; /* there is another server, or soon this one: at once */
      const delay = restart ? Math.random() * Math.min(500, least)
        : Math.random() * Math.min(most, least * 2 ** Math.min(this.#attempts++, 6)) + least / 2;
      this.#timer = setTimeout(() => this.#open(), delay);
      this.#setState("offline", { retryMs: delay });
    }
  }

  /** No coming back; `reason` is empty where that was wanted. */
  #end(meaning, reason, code) {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const error = new BanterError({ message: reason || "Closed before there was an answer", code: meaning });
    const asked = [...this.#pending.values()];
    this.#left = asked.map(({ frame }) => frame);
    this.#pending.clear();
    this.#connected?.reject(error);
    this.#connected = null;
    for (const feed of [...this.#feeds]) feed.end(reason ? error : null);
    this.#setState("closed", { reason, code });
    for (const { reject, promise } of asked) {
      promise.catch(() => {});
      reject(error);
    }
  }

  #setState(state, detail = {}) {
    this.state = state;
    this.#emit("state", { state, ...detail });
  }

  #emit(type, detail) { this.dispatchEvent(new Told(type, { detail })); }

  #receive(frame) {
    this.#heard = Date.now();
    switch (frame.type) {
      case "welcome": this.#welcome(frame); return;
      case "batch": /* what a search has found is an answer, and no part of a room's log */
        if (frame.room) frame.items.forEach((item) => this.#entry(item, !frame.cid));
        break;
      case "joined": this.#joined(frame); break;
      case "gap": this.#gap(frame); break;
      case "live": this.#live(frame); break;
      case "ack": case "rooms": case "members": case "rules": case "audit": break;
      case "error": this.#error(frame); break;
      default:
        if (frame.seq && frame.sender !== undefined) this.#entry(frame, true);
        else this.#emit(frame.type, frame);
    }
    this.#settle(frame);
  }

  /** A place that is known before anything has come: what was asked for, else all but the last 100. */
  #joined(frame) {
    const asked = this.#pending.get(frame.cid)?.frame;
    if (asked) this.#called.set(asked.room, frame.room);
    if (asked?.after === undefined) this.#untold.add(frame.room);
    this.rooms.set(frame.room, { epoch: frame.epoch, after: asked?.after ?? Math.max(0, frame.last - 100) });
    this.#emit("joined", frame);
  }

  #gap(frame) {
    const after = Math.max(0, frame.first - 1);
    this.rooms.set(frame.room, { epoch: frame.epoch, after });
    for (const feed of this.#feedsOf(frame.room)) feed.after = after;
    this.#emit("gap", frame);
  }

  #live(frame) {
    const place = this.rooms.get(frame.room);
    if (place) place.after = Math.max(place.after, frame.at);
    this.#untold.delete(frame.room);
    this.#emit("live", frame);
  }

  /** What was not good enough is not shown again; whoever was here goes on as they were. */
  #error(frame) {
    const { name } = this, shown = this.#shown;
    if (frame.cid === "hello") {
      if (this.state !== "online" && shown !== "password" && ["rate_limited", "unavailable"].includes(frame.code)) {
        const socket = this.#socket;
        setTimeout(() => socket === this.#socket && socket.readyState === 1 && this.#hello(), frame.retry_ms ?? AGAIN_MS);
        return;
      }
      if (frame.code === "unauthorized" && shown === "session") this.session = "";
      if (frame.code === "unauthorized" && shown === "token") this.token = "";
      if (this.state === "online") this.name = this.#granted;
      this.#password = "";
      this.#connected?.reject(new BanterError(frame));
      this.#connected = null;
    }
    if (frame.room && !frame.cid) this.#outOf(frame.room, new BanterError(frame));
    if (frame.cid === "hello" || !frame.cid) this.#emit("problem", { ...frame, message: frame.detail ?? frame.message, shown, name });
  }

  #outOf(room, error) {
    this.rooms.delete(room);
    this.#untold.delete(room);
    for (const feed of this.#feedsOf(room)) feed.end(error);
  }

  #welcome(frame) {
    this.#attempts = 0;
    this.name = this.#granted = frame.name || this.name;
    this.session = frame.session || this.session;
    this.#password = "";
    this.#welcomed = frame;
    this.limits = frame.limits ?? {};
    this.#reconnect = frame.reconnect_ms ?? this.#reconnect;
    const again = this.state !== "online";
    for (const { room, epoch, last } of frame.rooms)
      if (!this.rooms.has(room)) this.rooms.set(room, { epoch, after: last });
    if (again) for (const { frame: kept } of [...this.#pending.values()]) this.#transmitKept(kept);
    this.#setState("online");
    this.#emit("welcome", frame);
    this.#connected?.resolve(frame);
    this.#connected = null;
  }

  #feedsOf(room) { return [...this.#feeds].filter((feed) => feed.room === room); }

  /** An entry is passed on once, whatever way it came; those of an older page do not move the place of a room. */
  #entry(entry, live) {
    const place = this.rooms.get(entry.room);
    if (live) {
      if (place && entry.seq <= place.after && !this.#untold.has(entry.room)) return;
      this.#untold.delete(entry.room);
      if (place) place.after = entry.seq;
      else if (entry.room.startsWith("@")) this.rooms.set(entry.room, { epoch: "", after: entry.seq }); /* the first words of a conversation */
      for (const feed of this.#feedsOf(entry.room)) feed.put(entry);
    }
    this.#emit("entry", { entry, older: !live });
  }

  #settle(frame) {
    const waiting = frame.cid && frame.sender === undefined && this.#pending.get(frame.cid);
    if (!waiting) return;
    /* "not known to be stored": the same again, a little later */
    if (frame.code === "unavailable" && STORED.includes(waiting.frame.type)) {
      setTimeout(() => this.state === "online" && this.#pending.has(frame.cid) && this.#transmit(waiting.frame), frame.retry_ms ?? AGAIN_MS);
      return;
    }
    this.#pending.delete(frame.cid);
    if (frame.type === "error") waiting.reject(new BanterError(frame));
    else {
      if (waiting.frame.type === "leave") this.#outOf(frame.room, null);
      waiting.answered?.(frame);
      waiting.resolve(frame);
    }
    this.#emit("pending", {});
  }

  /** Leads a feed to where it begins. All is done while the answer is looked at, for the entries may be right behind it. */
  async #begin(feed, after) {
    const joining = [...this.#pending.values()].find(({ frame }) => frame.type === "join" && frame.room === feed.room);
    if (joining) await joining.promise;
    const place = this.rooms.get(this.#nameOf(feed.room));
    if (!place) {
      await this.#request({ type: "join", room: feed.room, after }, { answered: ({ room, last }) => feed.open(room, after ?? last) });
      return;
    }
    feed.open(this.#nameOf(feed.room), after ?? place.after);
    if (feed.after < place.after) await this.#readUp(feed);
  }

  /** What was said before, where others of us are in the room already; what is said meanwhile comes behind it. */
  async #readUp(feed) {
    const news = feed.hold();
    for (let more = true; more;) {
      const page = await this.history(feed.room, { after: feed.after });
      page.items.forEach((entry) => feed.take(entry));
      more = Boolean(page.more) && page.items.length > 0;
    }
    feed.release(news);
  }
}

function settler() {
  const one = {};
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  return one;
}

/** The entries of a room on their way to one `for await`. */
class Feed {
  #items = []; #held = null; #wake = null; #over = false; #error = null; #forget;
  after = Infinity; /* until it is opened nothing is for it */

  constructor(room, forget) {
    this.room = room;
    this.#forget = forget;
  }

  open(room, after) { [this.room, this.after] = [room, after]; }
  put(entry) { if (this.#held) this.#held.push(entry); else this.take(entry); }

  take(entry) {
    if (entry.seq <= this.after) return;
    this.after = entry.seq;
    this.#items.push(entry);
    this.#wake?.();
  }

  hold() { return (this.#held = []); }

  release(news) {
    this.#held = null;
    news.forEach((entry) => this.take(entry));
  }

  end(error) {
    [this.#over, this.#error] = [true, error];
    this.#forget();
    this.#wake?.();
  }

  async next() {
    while (!this.#items.length && !this.#over) await new Promise((resolve) => { this.#wake = resolve; });
    if (this.#items.length) return { value: this.#items.shift(), done: false };
    const error = this.#error;
    this.#error = null;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  async return() {
    this.#items = [];
    this.end(null);
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() { return this; }
}
