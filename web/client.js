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

/** Close codes after which coming back would be no use (4500 to 4999), in words. */
const FINAL_REASONS = { 1008: "The server does not let this page or this login in.", 4500: "You were removed from this server.",
  4501: "You are banned from this server.", 4502: "This session is open somewhere else." };

/** What the server answered instead of doing what was asked for. `code` is one of the protocol's words: "rate_limited",
 *  "forbidden", "not_found" …; `retryMs` is how long to wait before asking again, where that helps. */
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
  #url; #Socket; #socket = null; #timer = null; #attempts = 0; #next = 1; #stopped = true;
  #reconnect = [500, 8000];
  #prefix = Math.random().toString(36).slice(2, 10);
  #pending = new Map();  /* cid → {frame, resolve, reject} */
  #readers = new Map();  /* room → set of queues, see entries() */
  #password = ""; #shown = ""; #granted = "";
  #connected = null;     /* resolves connect() */
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
    this.#url = String(url);
    this.#Socket = Socket;
    this.name = name;
    this.session = session;
    this.token = token;
    this.#password = password;
  }

  /** Whether it is an account that is here, rather than a guest. */
  get isAccount() { return this.session.startsWith("bt_") || Boolean(this.token); }

  /** Connects, and from then on stays connected. Resolves with the welcome; rejects when the server refuses the hello. */
  connect() {
    if (!this.#stopped && this.state === "online") return Promise.resolve(this);
    this.#stopped = false;
    const done = new Promise((resolve, reject) => { this.#connected = { resolve, reject }; });
    done.catch(() => {}); /* whoever listens to "problem" need not wait here */
    this.#open();
    return done;
  }

  /** Leaves for good. */
  close() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    for (const queues of this.#readers.values()) for (const queue of queues) queue.end();
  }

  /** Introduces itself anew: by another name, with its password, or with a token. Settled like connect(). */
  login({ name = "", password = "", token = "" } = {}) {
    this.name = name;
    this.#password = password;
    if (token) [this.token, this.session] = [token, ""];
    const done = new Promise((resolve, reject) => { this.#connected = { resolve, reject }; });
    done.catch(() => {});
    if (this.#socket?.readyState === 1) this.#hello();
    else { this.#stopped = false; this.#open(); }
    return done;
  }

  /** Joins a room; from then on its entries come as "entry" events. Without `after`: the last 100 first. */
  join(room, { after, epoch } = {}) { return this.#request({ type: "join", room, after, epoch }); }

  leave(room) {
    this.rooms.delete(room);
    return this.#request({ type: "leave", room });
  }

  /** Resolves with {seq, id, timestamp} when the message is durable. `room` is a room's name, or "@name" for a direct
   *  message. `cid` makes sending again harmless, also from another connection; `re` is the seq this answers. */
  send(room, content, { cid, re } = {}) {
    const direct = room.startsWith("@") && !room.includes(",");
    return this.#request({ type: "message", ...(direct ? { to: room.slice(1) } : { room }), content, re }, cid);
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
  ask(frame) { return this.#request(frame); }

  /** These two are told when there is a connection, and forgotten when there is none. */
  typing(room) { if (this.state === "online") this.#transmit({ type: "typing", room, state: "active" }); }
  read(room, seq) { if (this.state === "online") this.#transmit({ type: "read", room, seq }); }

  /** The entries of a room from now on (or after `after`), each once and in order, over lost connections. */
  async *entries(room, { after } = {}) {
    const queue = new Queue();
    if (!this.#readers.has(room)) this.#readers.set(room, new Set());
    this.#readers.get(room).add(queue);
    try {
      if (!this.rooms.has(room)) {
        const joined = await this.join(room, after === undefined ? {} : { after });
        if (after === undefined) queue.skip = joined.last;
      }
      for (;;) {
        const entry = await queue.take();
        if (!entry) return;
        if (entry.seq > queue.skip) yield entry;
      }
    } finally {
      this.#readers.get(room)?.delete(queue);
    }
  }

  /** Requests that wait for an answer, as frames: to be kept over a reload and given to resend(). */
  get unanswered() {
    return [...this.#pending.values()].map(({ frame }) => frame).filter(({ type }) => type === "message");
  }

  /** Sends a frame of an earlier life again, under its cid. */
  resend(frame) { return this.#request(frame, frame.cid); }

  #open() {
    clearTimeout(this.#timer);
    this.#setState("connecting");
    const socket = new this.#Socket(this.#url, "banter.v1");
    this.#socket = socket;
    socket.onopen = () => this.#hello();
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onerror = () => {}; /* a close follows, and says more */
    socket.onclose = (event) => { if (socket === this.#socket) this.#closed(event); };
  }

  #request(frame, cid = `${this.#prefix}-${this.#next++}`) {
    return new Promise((resolve, reject) => {
      const kept = { ...frame, cid };
      this.#pending.set(cid, { frame: kept, resolve, reject });
      if (this.state === "online") this.#transmit(kept);
      this.#emit("pending", {});
    });
  }

  #transmit(frame) { this.#socket.send(JSON.stringify(frame)); }

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

  #closed(event) {
    this.#socket = null;
    const final = event.code === 1008 || event.code >= 4500;
    if (this.#stopped || final) {
      const reason = this.#stopped ? "" : FINAL_REASONS[event.code] ?? event.reason;
      this.#stopped = true;
      if (event.code === 1008) this.session = this.token = ""; /* what it came with is good no more */
      this.#setState("closed", { reason, code: event.code });
      this.#connected?.reject(new BanterError({ message: reason || "closed", code: "closed" }));
      return;
    }
    const [least, most] = this.#reconnect;
    const delay = Math.random() * Math.min(most, least * 2 ** Math.min(this.#attempts++, 6)) + least / 2;
    this.#setState("offline", { retryMs: delay });
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  /** Tries at once instead of when the time has come: the network is back, or somebody is impatient. */
  hurry() { if (this.state === "offline" && !this.#stopped) this.#open(); }

  #setState(state, detail = {}) {
    this.state = state;
    this.#emit("state", { state, ...detail });
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  #receive(frame) {
    switch (frame.type) {
      case "welcome": this.#welcome(frame); return;
      case "batch": frame.items.forEach((item) => this.#entry(item, !frame.cid)); break;
      case "joined": this.rooms.set(frame.room, { epoch: frame.epoch, after: this.#start(frame) });
        this.#emit("joined", frame); break;
      case "gap": this.rooms.set(frame.room, { epoch: frame.epoch, after: Math.max(0, frame.first - 1) });
        this.#emit("gap", frame); break;
      case "ack": case "rooms": case "members": break;
      case "error": this.#error(frame); break;
      default:
        if (frame.seq && frame.sender !== undefined) this.#entry(frame, true);
        else this.#emit(frame.type, frame);
    }
    this.#settle(frame);
  }

  /** What a join has read when it begins: what it asked for, else all but the last 100. */
  #start({ cid, last }) {
    const asked = this.#pending.get(cid)?.frame.after;
    return asked ?? Math.max(0, last - 100);
  }

  /** What was not good enough is not shown again; whoever was here goes on as they were. */
  #error(frame) {
    const { name } = this, shown = this.#shown;
    if (frame.cid === "hello") {
      if (frame.code === "unauthorized" && shown === "session") this.session = "";
      if (frame.code === "unauthorized" && shown === "token") this.token = "";
      if (this.state === "online") this.name = this.#granted;
      this.#password = "";
      this.#connected?.reject(new BanterError(frame));
      this.#connected = null;
    }
    if (frame.room && !frame.cid) this.rooms.delete(frame.room);
    if (frame.cid === "hello" || !frame.cid) this.#emit("problem", { ...frame, message: frame.detail ?? frame.message, shown, name });
  }

  #welcome(frame) {
    this.#attempts = 0;
    this.name = this.#granted = frame.name || this.name;
    this.session = frame.session || this.session;
    this.#password = "";
    this.limits = frame.limits ?? {};
    this.#reconnect = frame.reconnect_ms ?? this.#reconnect;
    const again = this.state !== "online";
    for (const { room, epoch, last } of frame.rooms)
      if (!this.rooms.has(room)) this.rooms.set(room, { epoch, after: last });
    this.#setState("online");
    this.#emit("welcome", frame);
    this.#connected?.resolve(frame);
    this.#connected = null;
    if (again) for (const { frame: kept } of this.#pending.values()) this.#transmit(kept);
  }

  /** An entry is passed on once, whatever way it came; those of an older page do not move the place of a room. */
  #entry(entry, live) {
    const place = this.rooms.get(entry.room);
    if (live && place) {
      if (entry.seq <= place.after) return;
      place.after = entry.seq;
    } else if (live) {
      this.rooms.set(entry.room, { epoch: "", after: entry.seq });
    }
    if (live) for (const queue of this.#readers.get(entry.room) ?? []) queue.put(entry);
    this.#emit("entry", { entry, older: !live });
  }

  #settle(frame) {
    const waiting = frame.cid && frame.sender === undefined && this.#pending.get(frame.cid);
    if (!waiting) return;
    /* "not known to be stored": the same again, a little later */
    if (frame.code === "unavailable" && waiting.frame.type === "message") {
      setTimeout(() => this.state === "online" && this.#pending.has(frame.cid) && this.#transmit(waiting.frame), 1000);
      return;
    }
    this.#pending.delete(frame.cid);
    if (frame.type === "error") waiting.reject(new BanterError(frame));
    else waiting.resolve(frame);
    this.#emit("pending", {});
  }
}

/** Entries on their way to one `for await`. */
class Queue {
  #items = []; #wake = null; #over = false;
  skip = 0;

  put(entry) { this.#items.push(entry); this.#wake?.(); }
  end() { this.#over = true; this.#wake?.(); }

  async take() {
    while (!this.#items.length && !this.#over) await new Promise((resolve) => { this.#wake = resolve; });
    return this.#items.shift();
  }
}
