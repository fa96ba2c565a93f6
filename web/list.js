/* The messages of a room in the page. However long the room is, a few hundred rows at most are in the document: a window
 * that moves with the reader. Rows that have not changed are left alone, and the row under the reader's eyes stays where
 * it is, whatever comes above or below. */
import { favourites } from "./emoji.js";
import { element, markup, same } from "./markup.js";

const WINDOW = 240; /* rows in the document */
const STEP = 80;    /* rows by which it moves */
const EDGE = 600;   /* pixels from its end at which it does */
const NEARBY_MS = 5 * 60 * 1000;
const LONG = 1500;  /* characters or */
const LINES = 18;   /* lines, beyond which a message is folded */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function hue(name) {
  let hash = 7;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 360;
  return hash;
}

export class MessageList {
  #view; #room = null; #rows = new Map(); #drawing = 0; #end = Infinity; #sticky = true; #unreadAfter = Infinity; #opened = new Set();

  /** `actions`: reply, edit, remove, react, retry, discard, jump, earlier, seen. */
  constructor(view, actions) {
    this.#view = view;
    this.actions = actions;
    view.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => { if (this.#sticky) this.#toEnd(); }).observe(view);
    this.changed = () => this.#later();
  }

  show(room) {
    this.#room?.removeEventListener("change", this.changed);
    this.#room = room;
    this.#rows.clear();
    this.#view.replaceChildren();
    this.#end = Infinity;
    this.#sticky = true;
    this.#unreadAfter = room.unread ? room.read : Infinity;
    room.addEventListener("change", this.changed);
    this.#draw();
  }

  /** What is new from here on has been seen: the line "new" goes with the next room. */
  toEnd() {
    this.#end = Infinity;
    this.#sticky = true;
    this.#draw();
  }

  /** Brings a message that is loaded to the middle of the view. */
  reveal(seq) {
    const index = this.#room.messages.findIndex((message) => message.seq >= seq);
    if (index < 0) return false;
    this.#sticky = false;
    this.#endAt(index + WINDOW / 2);
    this.#draw();
    const row = this.#rows.get(`m${seq}`)?.node;
    row?.scrollIntoView({ block: "center" });
    row?.classList.add("found");
    setTimeout(() => row?.classList.remove("found"), 2500);
    return Boolean(row);
  }

  #later() {
    if (!this.#drawing) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #scrolled() {
    const view = this.#view, room = this.#room;
    if (!room) return;
    const below = view.scrollHeight - view.scrollTop - view.clientHeight;
    this.#sticky = below < 60 && this.#range().end === room.messages.length;
    if (this.#sticky) this.actions.seen();
    this.#follow();
    this.actions.away(!this.#sticky);
  }

  /** Moves the window when the reader comes near one of its ends. */
  #follow() {
    const view = this.#view, room = this.#room, { start, end } = this.#range();
    if (view.scrollTop < EDGE && !this.#sticky) {
      if (start > 0) { this.#endAt(Math.max(end - STEP, Math.min(WINDOW, room.messages.length))); this.#later(); }
      else if (!room.whole) this.actions.earlier();
    } else if (end < room.messages.length && view.scrollHeight - view.scrollTop - view.clientHeight < EDGE) {
      this.#endAt(end + STEP);
      this.#later();
    }
  }

  /** The window ends before the message at `index`. It is remembered by number, for older ones may come. */
  #endAt(index) { this.#end = this.#room.messages[index]?.seq ?? Infinity; }

  #range() {
    const { messages } = this.#room;
    let end = messages.length;
    if (this.#end !== Infinity) {
      let low = 0;
      while (low < end) {
        const middle = (low + end) >> 1;
        if (messages[middle].seq < this.#end) low = middle + 1;
        else end = middle;
      }
    }
    return { start: Math.max(0, end - WINDOW), end };
  }

  #toEnd() { this.#view.scrollTop = this.#view.scrollHeight; }

  /** The first message in view and where it stands, to be put back there. Other rows move from message to message. */
  #anchor() {
    const top = this.#view.getBoundingClientRect().top;
    for (const node of this.#view.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.dataset.key.startsWith("m")) return { key: node.dataset.key, top: box.top };
    }
    return null;
  }

  /** The reader is back: what is on the screen is seen now. */
  look() { if (this.#sticky) this.actions.seen(); }

  #draw() {
    this.#drawing = 0;
    if (!this.#room) return;
    const anchor = this.#sticky ? null : this.#anchor();
    const wanted = this.#wanted();
    this.#put(wanted);
    if (this.#sticky) {
      this.#toEnd();
      this.actions.seen();
    } else if (anchor && this.#rows.has(anchor.key)) {
      this.#view.scrollTop += this.#rows.get(anchor.key).node.getBoundingClientRect().top - anchor.top;
    }
    if (!this.#sticky) this.#follow();
    else if (!this.#room.whole && this.#view.scrollHeight < this.#view.clientHeight + EDGE) this.actions.earlier();
  }

  /** The rows that should be there: {key, mark, make}; `mark` tells whether a row is still the same. */
  #wanted() {
    const room = this.#room, rows = [], { start, end } = this.#range();
    let previous = null, day = "", note = 0, drawn = false;
    const notes = (seq) => {
      for (; note < room.notes.length && room.notes[note].after < seq; note++) {
        const { after, text } = room.notes[note];
        if (start > 0 && after < room.messages[start].seq) continue;
        rows.push({ key: `n${after}:${text}`, mark: "", make: () => element("div", "note", text) });
        previous = null;
      }
    };
    if (room.whole && start === 0) rows.push({ key: "begin", mark: room.title, make: () => beginning(room) });
    const tail = end === room.messages.length ? room.waiting : [];
    for (const message of [...room.messages.slice(start, end), ...tail]) {
      notes(message.seq ?? Infinity);
      const time = new Date(message.timestamp), today = calendar.format(time);
      if (today !== day) {
        rows.push({ key: `d${today}`, mark: "", make: () => element("div", "day", element("span", "", today)) });
        previous = null;
      }
      if (message.seq > this.#unreadAfter && (!previous || previous.seq <= this.#unreadAfter) && !drawn) {
        drawn = true;
        rows.push({ key: "new", mark: "", make: () => element("div", "new", element("span", "", "New")) });
        previous = null;
      }
      const first = !previous || previous.sender !== message.sender || time - previous.time > NEARBY_MS || Boolean(message.re);
      const answered = message.re ? room.find(message.re) : null;
      const key = message.seq ? `m${message.seq}` : message.key;
      rows.push({ key, mark: `${message.version}:${first}:${answered?.version}:${room.me()}:${this.#opened.has(key)}`,
        make: () => this.#article(message, first, answered, key) });
      day = today;
      previous = { sender: message.sender, time, seq: message.seq ?? Infinity };
    }
    if (end === room.messages.length) notes(Infinity);
    return rows;
  }

  /** Makes the document what is wanted, touching only what differs. */
  #put(wanted) {
    const keep = new Set(wanted.map(({ key }) => key));
    for (const [key, { node }] of this.#rows) if (!keep.has(key)) { node.remove(); this.#rows.delete(key); }
    let next = this.#view.firstChild;
    for (const { key, mark, make } of wanted) {
      const known = this.#rows.get(key);
      if (known && known.mark === mark) {
        if (known.node === next) next = next.nextSibling;
        else this.#view.insertBefore(known.node, next);
        continue;
      }
      const node = make();
      node.dataset.key = key;
      if (known) {
        if (known.node === next) next = next.nextSibling;
        known.node.replaceWith(node);
        if (node.nextSibling !== next) this.#view.insertBefore(node, next);
      } else {
        this.#view.insertBefore(node, next);
      }
      this.#rows.set(key, { node, mark });
    }
  }

  #article(message, first, answered, key) {
    const time = new Date(message.timestamp), mine = same(message.sender, this.#room.me());
    const article = element("article", `${first ? "first" : ""}${message.waiting ? " waiting" : ""}${message.gone ? " gone" : ""}${
      message.problem ? " failed" : ""}`.trim());
    article.style.setProperty("--hue", hue(message.sender));
    if (message.re) article.append(this.#quote(message.re, answered));
    if (first) {
      article.dataset.initial = [...message.sender][0]?.toUpperCase() ?? "?";
      article.append(element("span", "who", message.sender));
    }
    const stamp = element("time", "", clock.format(time));
    stamp.dateTime = message.timestamp;
    stamp.title = time.toLocaleString();
    article.append(stamp);
    if (message.title) article.append(element("strong", `title p${Number(message.priority) || 3}`, message.title));
    article.append(this.#body(message, key));
    this.#extras(message, article);
    if (message.seq && !message.gone) article.append(this.#tools(message, mine));
    if (message.reactions.size) article.append(this.#reactions(message));
    if (message.problem) article.append(this.#problem(message));
    return article;
  }

  #body(message, key) {
    if (message.gone) return element("p", "", "deleted");
    const body = element("p", ""), text = message.content;
    const long = text.length > LONG || text.split("\n", LINES + 1).length > LINES;
    if (!long || this.#opened.has(key)) {
      body.append(markup(text, this.#room.me()));
      return body;
    }
    body.append(markup(text.slice(0, LONG).split("\n", LINES).join("\n"), this.#room.me()), "… ");
    const more = element("button", "link", text.length > LONG ? `Show all ${text.length.toLocaleString()} characters` : "Show all lines");
    more.type = "button";
    more.onclick = () => { this.#opened.add(key); this.#draw(); };
    body.append(more);
    return body;
  }

  #extras(message, article) {
    if (message.edited && !message.gone) article.append(element("span", "edited", "(edited)"));
    for (const tag of message.tags ?? []) article.append(element("span", "tag", String(tag)));
    if (/^https?:\/\//.test(message.click ?? "")) {
      const click = element("a", "click", "Open");
      Object.assign(click, { href: message.click, target: "_blank", rel: "noopener noreferrer nofollow" });
      article.append(click);
    }
  }

  #quote(seq, answered) {
    const quote = element("button", "quote", answered ? element("b", "", answered.sender) : "", " ",
      answered ? (answered.gone ? "deleted" : answered.content.slice(0, 120)) : "an earlier message");
    quote.type = "button";
    quote.onclick = () => this.actions.jump(seq);
    return quote;
  }

  #tools(message, mine) {
    const tools = element("div", "tools");
    const tool = (label, sign, action) => {
      const button = element("button", "", sign);
      button.type = "button";
      button.title = button.ariaLabel = label;
      button.onclick = action;
      tools.append(button);
    };
    for (const key of favourites.slice(0, 3)) tool(`React with ${key}`, key, () => this.actions.react(message, key));
    tool("More reactions", "☺", (event) => this.actions.pick(message, event.currentTarget));
    tool("Reply", "↩", () => this.actions.reply(message));
    if (mine) {
      tool("Edit", "✎", () => this.actions.edit(message));
      tool("Delete", "✕", () => this.actions.remove(message));
    }
    return tools;
  }

  #reactions(message) {
    const line = element("div", "reactions");
    for (const [key, who] of message.reactions) {
      const button = element("button", who.has(this.#room.me()) ? "mine" : "", `${key} ${who.size}`);
      button.type = "button";
      button.title = [...who].join(", ");
      button.ariaPressed = String(who.has(this.#room.me()));
      button.onclick = () => this.actions.react(message, key);
      line.append(button);
    }
    return line;
  }

  #problem(message) {
    const line = element("div", "problem", element("span", "", `Not sent: ${message.problem}`));
    const button = (label, action) => {
      const made = element("button", "link", label);
      made.type = "button";
      made.onclick = action;
      line.append(" ", made);
    };
    button("Try again", () => this.actions.retry(message));
    button("Discard", () => this.actions.discard(message));
    return line;
  }
}

function beginning(room) {
  return element("div", "begin", element("h2", "", room.direct ? `You and ${room.title}` : `# ${room.title}`),
    element("p", "", room.direct ? "This is the beginning of your conversation. Nobody else can read it."
      : "This is the beginning of the room. Everything said here stays, in order."));
}
