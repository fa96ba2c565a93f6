/* The browser's end of the banter.v1 protocol: one connection that stays, as far as its user can tell.
 *
 * It says hello, joins rooms, and keeps for each room the number of the last entry it has seen. When the connection is
 * lost it comes back after a moment and goes on from there; what was sent meanwhile is kept and sent again under the
 * same cid, so that it arrives once. Events: "state", "welcome", "joined", "entry", "live", "gap", "presence", "problem". */

const FINAL_CODES = { 4500: "You were removed from this server.", 4501: "You are banned from this server.",
  4502: "This session is open in another tab." };

/** What an error says for people. */
const wordsOf = (error) => error.detail ?? error.message;

/** An error answer of the server: `code` is one of the protocol's words. */
export class BanterError extends Error {
  constructor(answer) {
    super(wordsOf(answer));
    this.code = answer.code;
    this.retryMs = answer.retry_ms;
  }
}

export class Banter extends EventTarget {
  #url; #socket = null; #timer = null; #attempts = 0; #next = 1; #stopped = false;
  #reconnect = [500, 8000];
  #prefix = Math.random().toString(36).slice(2, 10);
  #pending = new Map(); /* cid → {frame, resolve, reject} */
  rooms = new Map(); /* name → {epoch, after} */
  #password = ""; #shown = ""; #granted = "";
  name; session; token; state = "offline";

  /** `session` is what a welcome brought the last time, `token` one that was given out. */
  constructor(url, { name = "", session = "", token = "" } = {}) {
    super();
    this.#url = url;
    this.name = name;
    this.session = session;
    this.token = token;
  }

  /** Whether it is an account that is here, rather than a guest. */
  get isAccount() { return this.session.startsWith("bt_") || Boolean(this.token); }

  connect() {
    this.#stopped = false;
    clearTimeout(this.#timer);
    this.#setState("connecting");
    const socket = new WebSocket(this.#url, "banter.v1");
    this.#socket = socket;
    socket.onopen = () => this.#hello();
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => { if (socket === this.#socket) this.#closed(event); };
  }

  close() {
    this.#stopped = true;
    this.#socket?.close(1000);
  }

  /** Goes by another name from here on; without a connection, from the next one on. */
  rename(name) {
    this.name = name;
    this.#introduce();
  }

  /** Shows who one is: the password of `name`, or a token. */
  signIn({ name = "", password = "", token = "" }) {
    this.name = name;
    this.#password = password;
    if (token) [this.token, this.session] = [token, ""];
    this.#introduce();
  }

  #introduce() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#hello();
    else this.connect();
  }

  join(room) { return this.#request({ type: "join", room }); }

  async leave(room) {
    this.rooms.delete(room);
    return this.#request({ type: "leave", room });
  }

  /** Resolves when the message is durable. */
  send(room, content) {
    return this.#request(room.startsWith("@") && !this.rooms.has(room)
      ? { type: "message", to: room.slice(1), content } : { type: "message", room, content });
  }

  history(room, before, limit = 100) { return this.#request({ type: "history", room, before, limit }); }
  list() { return this.#request({ type: "rooms" }); }
  members(room) { return this.#request({ type: "members", room }); }

  #request(frame) {
    const cid = `${this.#prefix}-${this.#next++}`;
    return new Promise((resolve, reject) => {
      this.#pending.set(cid, { frame: { ...frame, cid }, resolve, reject });
      if (this.state === "online") this.#transmit({ ...frame, cid });
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
    if (this.state !== "online" && this.rooms.size)
      hello.resume = Object.fromEntries(this.rooms);
    this.#transmit(hello);
  }

  #closed(event) {
    this.#socket = null;
    if (this.#stopped || FINAL_CODES[event.code]) {
      this.#setState("closed", { reason: FINAL_CODES[event.code] ?? "" });
      return;
    }
    const [least, most] = this.#reconnect;
    const delay = Math.random() * Math.min(most, least * 2 ** Math.min(this.#attempts++, 6)) + least / 2;
    this.#setState("offline", { retryMs: delay });
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  #setState(state, detail = {}) {
    this.state = state;
    this.#emit("state", { state, ...detail });
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  #receive(frame) {
    switch (frame.type) {
      case "welcome": return this.#welcome(frame);
      case "batch": frame.items.forEach((item) => this.#entry(item, !frame.cid)); break;
      case "joined": this.rooms.set(frame.room, { epoch: frame.epoch, after: Math.max(0, frame.last - 100) });
        this.#emit("joined", frame); break;
      case "gap": this.rooms.set(frame.room, { epoch: frame.epoch, after: Math.max(0, frame.first - 1) });
        this.#emit("gap", frame); break;
      case "ack": case "rooms": case "members": break;
      case "live": case "presence": this.#emit(frame.type, frame); break;
      case "error": if (frame.cid === "hello" || !frame.cid) this.#problem(frame); break;
      default: if (frame.seq) this.#entry(frame, true);
    }
    this.#settle(frame);
  }

  /** What was not good enough is not shown again; whoever was here goes on as they were. */
  #problem(frame) {
    const { name } = this, shown = this.#shown;
    if (frame.cid === "hello") {
      if (frame.code === "unauthorized" && shown === "session") this.session = "";
      if (frame.code === "unauthorized" && shown === "token") this.token = "";
      if (this.state === "online") this.name = this.#granted;
      this.#password = "";
    }
    this.#emit("problem", { ...frame, message: wordsOf(frame), shown, name });
  }

  #welcome(frame) {
    this.#attempts = 0;
    this.name = this.#granted = frame.name || this.name;
    this.session = frame.session || this.session;
    this.#password = "";
    this.#reconnect = frame.reconnect_ms ?? this.#reconnect;
    const again = this.state !== "online";
    this.#setState("online");
    this.#emit("welcome", frame);
    for (const { room, epoch, last } of frame.rooms)
      if (!this.rooms.has(room)) this.rooms.set(room, { epoch, after: last });
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
    this.#emit("entry", { entry, older: !live });
  }

  #settle(frame) {
    const waiting = frame.cid && frame.type !== "message" && !frame.sender && this.#pending.get(frame.cid);
    if (!waiting) return;
    /* "not known to be stored": the same again, a little later */
    if (frame.code === "unavailable" && waiting.frame.type === "message") {
      setTimeout(() => this.state === "online" && this.#pending.has(frame.cid) && this.#transmit(waiting.frame), 1000);
      return;
    }
    this.#pending.delete(frame.cid);
    if (frame.type === "error") waiting.reject(new BanterError(frame));
    else waiting.resolve(frame);
  }
}
