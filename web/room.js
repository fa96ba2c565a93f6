/* What is known of a room: its messages as they read now, what was said about them, and what of it is unread. The page
 * shows it (list.js), the connection fills it (app.js); it knows neither. */
import { mentions, same } from "./markup.js";

const NOTES_KEPT = 200;
const TYPING_MS = 6000;

export class Room extends EventTarget {
  messages = [];       /* in order of seq: {seq, sender, content, …, reactions, edited, gone} */
  waiting = [];        /* ours, not known to be stored: {content, problem, retryMs} */
  notes = [];          /* joins, leaves, topics: {after: seq, text} */
  whole = false;       /* the first message of the room is here */
  count = 0; topic = ""; last = 0; read = 0; mentioned = 0; members = [];
  draft = ""; typing = new Map(); joined = false; telling = 0;
  #bySeq = new Map();
  #changes = new Map(); /* seq → what came before its message did */
  #counted = 0;         /* messages by others since `read`, as far as they are here */

  constructor(name, me) {
    super();
    this.name = name;
    this.me = me; /* a function: who we are now */
  }

  get direct() { return this.name.startsWith("@"); }

  /** What it is called for us: of a direct conversation the other one's name. */
  get title() {
    if (!this.direct) return this.name;
    const both = this.name.slice(1).split(",");
    return both.find((one) => !same(one, this.me())) ?? both[0];
  }

  get first() { return this.messages[0]?.seq ?? 0; }
  get unread() { return this.#counted; }
  find(seq) { return this.#bySeq.get(seq); }

  /** Takes an entry in whatever order it comes; true: a message that was not here. */
  add(entry, older) {
    this.last = Math.max(this.last, entry.seq);
    switch (entry.type) {
      case "message": return this.#insert(entry, older);
      case "edit": this.#change(entry.of, (message) => { message.content = entry.content; message.edited = true; }); break;
      case "delete": this.#change(entry.of, (message) => { message.gone = true; message.content = ""; }); break;
      case "react": this.#change(entry.of, (message) => react(message, entry)); break;
      case "topic":
        if (!older) this.topic = entry.content;
        this.note(entry.content ? `${entry.sender} set the topic: ${entry.content}` : `${entry.sender} cleared the topic`, entry.seq);
    }
    this.#changed();
    return false;
  }

  #insert(entry, older) {
    if (this.#bySeq.has(entry.seq)) return false;
    let at = entry.seq < this.first ? 0 : this.messages.length;
    while (at > 0 && this.messages[at - 1].seq > entry.seq) at--;
    const message = { ...entry, gone: entry.deleted, reactions: new Map(), version: 0 };
    this.messages.splice(at, 0, message);
    this.#bySeq.set(entry.seq, message);
    this.#changes.get(entry.seq)?.forEach((change) => change(message));
    this.#changes.delete(entry.seq);
    this.typing.delete(entry.sender);
    if (!older && entry.seq > this.read && !same(entry.sender, this.me())) {
      this.#counted++;
      if (this.direct || mentions(entry.content, this.me())) this.mentioned++;
    }
    this.#changed();
    return true;
  }

  #change(seq, change) {
    const message = this.#bySeq.get(seq);
    if (message) {
      change(message);
      message.version++;
    } else {
      this.#changes.set(seq, [...(this.#changes.get(seq) ?? []), change]);
    }
  }

  /** The welcome or a join told how far we have read and how far the room goes. */
  place({ last, read = 0 }) {
    this.last = Math.max(this.last, last);
    if (read > this.read) this.read = read;
    if (!this.messages.length && this.read > 0) this.#counted = Math.max(0, last - this.read);
    this.#changed();
  }

  /** Everything here has been seen. Returns the seq to tell the server; 0: nothing new. */
  markRead() {
    const seq = this.last;
    const news = seq > this.read;
    this.#counted = this.mentioned = 0;
    this.read = Math.max(this.read, seq);
    if (news) this.#changed();
    return news ? seq : 0;
  }

  note(text, after = this.messages.at(-1)?.seq ?? 0) {
    if (this.notes.some((note) => note.text === text && note.after === after)) return;
    this.notes.push({ after, text });
    this.notes.sort((a, b) => a.after - b.after);
    this.notes = this.notes.slice(-NOTES_KEPT);
    this.#changed();
  }

  /** The numbers mean nothing any more: another epoch. */
  clear() {
    this.messages = [];
    this.notes = [];
    this.#bySeq.clear();
    this.#changes.clear();
    this.whole = false;
    this.#changed();
  }

  /** A message on its way; settle() it with nothing when it is stored, or with what went wrong. */
  wait(content, re) {
    const message = { key: `w${performance.now()}`, sender: this.me() || "you", content, re, timestamp: new Date().toISOString(),
      reactions: new Map(), waiting: true, version: 0 };
    this.waiting.push(message);
    this.#changed();
    return message;
  }

  settle(message, problem) {
    if (problem) Object.assign(message, { waiting: false, problem, version: message.version + 1 });
    else this.waiting = this.waiting.filter((one) => one !== message);
    this.#changed();
  }

  retrying(message) {
    Object.assign(message, { waiting: true, problem: undefined, version: message.version + 1 });
    this.#changed();
  }

  isTyping(sender) {
    if (same(sender, this.me())) return;
    clearTimeout(this.typing.get(sender));
    this.typing.set(sender, setTimeout(() => { this.typing.delete(sender); this.#changed(); }, TYPING_MS));
    this.#changed();
  }

  /** Our own latest message, for the arrow key. */
  get lastOfMine() {
    return this.messages.findLast?.((message) => same(message.sender, this.me()) && !message.gone);
  }

  #changed() { this.dispatchEvent(new Event("change")); }
}

function react(message, { key, op, sender }) {
  const who = message.reactions.get(key) ?? new Set();
  if (op === "remove") who.delete(sender);
  else who.add(sender);
  if (who.size) message.reactions.set(key, who);
  else message.reactions.delete(key);
}
