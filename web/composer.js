/* The box one writes in: grows with its text, completes @names and :emoji:, remembers a draft for each room, and says
 * what it is about to do (answer, edit). */
import { emoji } from "./emoji.js";
import { element } from "./markup.js";

const TYPING_EVERY_MS = 3000;
const PASTE_LONG = 4000;
const OFFERED = 8;

export class Composer {
  #text; #room = null; #re = null; #editing = null; #typed = 0; #choice = 0; #offers = [];

  /** `actions`: send(text, re), edit(message, text), typing(), names(), limit(). */
  constructor(actions) {
    this.actions = actions;
    this.#text = document.getElementById("text");
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("paste", (event) => this.#paste(event));
    this.#text.addEventListener("blur", () => this.#offer([]));
    document.getElementById("composer").addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    document.getElementById("context-drop").addEventListener("click", () => this.cancel());
  }

  show(room) {
    if (this.#room && !this.#editing) this.#room.draft = this.#text.value;
    this.#room = room;
    this.#re = this.#editing = null;
    this.#set(room.draft);
    this.#text.placeholder = `Message ${room.direct ? "@" : "#"} ${room.title}`;
    this.#context();
  }

  focus() { this.#text.focus(); }
  get empty() { return !this.#text.value; }

  reply(message) {
    this.#editing = null;
    this.#re = message;
    this.#context();
    this.focus();
  }

  edit(message) {
    if (!this.#editing) this.#room.draft = this.#text.value;
    this.#re = null;
    this.#editing = message;
    this.#set(message.content);
    this.#context();
    this.focus();
    this.#text.setSelectionRange(message.content.length, message.content.length);
  }

  /** True when there was something to give up. */
  cancel() {
    const had = Boolean(this.#re || this.#editing);
    if (this.#editing) this.#set(this.#room.draft);
    this.#re = this.#editing = null;
    this.#context();
    this.focus();
    return had;
  }

  insert(text) {
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
  }

  #set(text) {
    this.#text.value = text;
    this.#fit();
    this.#over();
  }

  #context() {
    const bar = document.getElementById("context"), message = this.#editing ?? this.#re;
    bar.hidden = !message;
    if (!message) return;
    document.getElementById("context-text").replaceChildren(this.#editing ? element("b", "", "Editing your message")
      : element("b", "", `Replying to ${message.sender}`), " ", this.#editing ? "" : message.content.slice(0, 160));
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  /** Says so while a message is too long, before the server has to. */
  #over() {
    const limit = this.actions.limit(), size = new TextEncoder().encode(this.#text.value).length;
    const left = document.getElementById("left");
    left.hidden = !limit || size < limit * 0.9;
    left.textContent = size > limit ? `${(size - limit).toLocaleString()} bytes too long` : `${(limit - size).toLocaleString()} bytes left`;
    left.classList.toggle("bad", size > limit);
    return limit && size > limit;
  }

  #changed() {
    this.#fit();
    this.#over();
    this.#complete();
    if (this.#text.value && !this.#editing && Date.now() - this.#typed > TYPING_EVERY_MS) {
      this.#typed = Date.now();
      this.actions.typing();
    }
  }

  #submit() {
    const text = this.#text.value.trim();
    if (this.#over()) return;
    if (this.#editing) {
      const message = this.#editing;
      this.cancel();
      if (text && text !== message.content) this.actions.edit(message, text);
      return;
    }
    if (!text) return;
    const re = this.#re?.seq;
    this.#re = null;
    this.#room.draft = "";
    this.#typed = 0;
    this.#set("");
    this.#context();
    this.actions.send(text, re);
  }

  /** Something very long is more use as a block of code than as a flood. */
  #paste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length < PASTE_LONG || text.includes("```")) return;
    event.preventDefault();
    this.insert(`${this.empty ? "" : "\n"}\`\`\`\n${text.replace(/\r\n?/g, "\n").trimEnd()}\n\`\`\`\n`);
  }

  #key(event) {
    if (this.#offers.length && this.#choose(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && this.empty && !this.#editing) {
      const mine = this.#room.lastOfMine;
      if (mine) { event.preventDefault(); this.edit(mine); }
    } else if (event.key === "Escape" && (this.#re || this.#editing)) {
      event.stopPropagation();
      this.cancel();
    }
  }

  #choose(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choice = (this.#choice + step + this.#offers.length) % this.#offers.length;
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) this.#take(this.#offers[this.#choice]);
    else if (event.key === "Escape") this.#offer([]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (step) this.#drawOffers();
    return true;
  }

  #complete() {
    const before = this.#text.value.slice(0, this.#text.selectionStart);
    const found = /(?:^|\s)([@:])([\p{L}\p{N}_+.-]*)$/u.exec(before);
    if (!found || (found[1] === ":" && found[2].length < 2)) { this.#offer([]); return; }
    const [, sign, begun] = found, folded = begun.toLowerCase();
    const offers = sign === "@"
      ? this.actions.names().filter((name) => name.toLowerCase().startsWith(folded)).map((name) => ({ text: `@${name} `, label: `@${name}` }))
      : [...emoji].filter(([code]) => code.startsWith(folded)).map(([code, sign]) => ({ text: `${sign} `, label: `${sign} :${code}:` }));
    this.#offer(offers.slice(0, OFFERED).map((one) => ({ ...one, length: begun.length + 1 })));
  }

  #offer(offers) {
    this.#offers = offers;
    this.#choice = 0;
    this.#drawOffers();
  }

  #drawOffers() {
    const list = document.getElementById("offers");
    list.hidden = !this.#offers.length;
    list.replaceChildren(...this.#offers.map((offer, index) => {
      const item = element("li", "", offer.label);
      item.id = `offer-${index}`;
      item.role = "option";
      item.ariaSelected = String(index === this.#choice);
      item.onmousedown = (event) => { event.preventDefault(); this.#take(offer); };
      return item;
    }));
    if (this.#offers.length) this.#text.setAttribute("aria-activedescendant", `offer-${this.#choice}`);
    else this.#text.removeAttribute("aria-activedescendant");
  }

  #take({ text, length }) {
    const end = this.#text.selectionStart;
    this.#text.setRangeText(text, end - length, end, "end");
    this.#offer([]);
    this.#changed();
  }
}
