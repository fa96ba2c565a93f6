/* The messages of one room as a list of elements in the page. Whatever people wrote goes in as text, never as HTML. */

const NEARBY_MS = 5 * 60 * 1000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function hue(name) {
  let hash = 7;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 360;
  return hash;
}

export class RoomLog {
  #entries = []; /* messages in order of seq */
  #bySeq = new Map();
  #waiting = []; /* sent by us and not yet known to be stored */
  #notes = [];   /* joins and leaves: shown after the entry they followed */
  #view = null;
  #drawing = 0;

  get first() { return this.#entries[0]?.seq ?? 0; }

  /** Shows this room in `view`; only the room on show touches the page. */
  show(view) {
    this.#view = view;
    this.#draw(true);
  }

  hide() { this.#view = null; }

  clear() {
    this.#entries = [];
    this.#bySeq.clear();
    this.#notes = [];
    this.#later();
  }

  /** Takes an entry in whatever order it comes; returns whether it is a message nobody has seen yet. */
  add(entry) {
    switch (entry.type) {
      case "message": return this.#insert(entry);
      case "edit": this.#change(entry.of, { content: entry.content, edited: true }); break;
      case "delete": this.#change(entry.of, { gone: true }); break;
      case "topic": this.note(`${entry.sender} set the topic: ${entry.content}`); break;
    }
    return false;
  }

  #insert(entry) {
    if (this.#bySeq.has(entry.seq)) return false;
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1].seq > entry.seq) at--;
    const message = { ...entry };
    this.#entries.splice(at, 0, message);
    this.#bySeq.set(entry.seq, message);
    this.#later();
    return true;
  }

  #change(seq, values) {
    const message = this.#bySeq.get(seq);
    if (message) Object.assign(message, values);
    this.#later();
  }

  note(text) {
    this.#notes.push({ after: this.#entries.at(-1)?.seq ?? 0, text });
    this.#notes = this.#notes.slice(-100);
    this.#later();
  }

  /** A message on its way; call the result with nothing when it is stored, or with what went wrong. */
  wait(sender, content) {
    const message = { sender, content, timestamp: new Date().toISOString(), waiting: true };
    this.#waiting.push(message);
    this.#later();
    return (problem) => {
      if (problem) Object.assign(message, { waiting: false, problem });
      else this.#waiting.splice(this.#waiting.indexOf(message), 1);
      this.#later();
    };
  }

  #later() {
    if (!this.#view || this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => this.#draw(false));
  }

  #draw(toEnd) {
    this.#drawing = 0;
    const view = this.#view;
    if (!view) return;
    const atEnd = toEnd || view.scrollHeight - view.scrollTop - view.clientHeight < 60;
    const fromEnd = view.scrollHeight - view.scrollTop;
    const content = document.createDocumentFragment();
    let previous = null, lastDay = "", note = 0;
    const notesUpTo = (seq) => {
      for (; note < this.#notes.length && this.#notes[note].after < seq; note++) {
        content.append(element("div", "note", this.#notes[note].text));
        previous = null;
      }
    };
    for (const message of [...this.#entries, ...this.#waiting]) {
      notesUpTo(message.seq ?? Infinity);
      const day = calendar.format(new Date(message.timestamp));
      if (day !== lastDay) content.append(element("div", "day", day));
      content.append(this.#article(message, previous));
      lastDay = day;
      previous = { sender: message.sender, time: Date.parse(message.timestamp) };
    }
    notesUpTo(Infinity);
    view.replaceChildren(content);
    view.scrollTop = atEnd ? view.scrollHeight : view.scrollHeight - fromEnd;
  }

  #article(message, previous) {
    const time = new Date(message.timestamp);
    const first = previous?.sender !== message.sender || time - previous.time > NEARBY_MS;
    const article = element("article", first ? "first" : "");
    article.style.setProperty("--hue", hue(message.sender));
    if (first) {
      article.dataset.initial = [...message.sender][0]?.toUpperCase() ?? "?";
      article.append(element("span", "who", message.sender));
    }
    const stamp = element("time", "", clock.format(time));
    stamp.dateTime = message.timestamp;
    article.append(stamp, element("p", "", message.gone ? "deleted" : message.content));
    if (message.edited && !message.gone) article.append(element("span", "edited", "(edited)"));
    if (message.waiting) article.classList.add("waiting");
    if (message.gone) article.classList.add("gone");
    if (message.problem) {
      article.classList.add("failed");
      article.append(element("span", "edited", `not sent: ${message.problem}`));
    }
    return article;
  }
}
