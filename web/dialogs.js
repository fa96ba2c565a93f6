/* What opens above the page: going to a room, searching, choosing a reaction, a question. Who one is: login.js. */
import { emoji, favourites } from "./emoji.js";
import { element, markup } from "./markup.js";

const $ = (id) => document.getElementById(id);
/** A list to choose from by typing: Ctrl+K. `source(words)` gives [{label, hint, run}]. */
export class Chooser {
  #items = []; #at = 0;

  constructor() {
    $("chooser-words").addEventListener("input", () => this.#fill());
    $("chooser-words").addEventListener("keydown", (event) => this.#key(event));
    $("chooser").addEventListener("click", (event) => { if (event.target === $("chooser")) $("chooser").close(); });
  }

  open(source, placeholder) {
    this.source = source;
    $("chooser-words").value = "";
    $("chooser-words").placeholder = placeholder;
    $("chooser-words").ariaLabel = placeholder;
    this.#fill();
    if (!$("chooser").open) $("chooser").showModal();
  }

  #fill() {
    this.#items = this.source($("chooser-words").value.trim()).slice(0, 50);
    this.#at = 0;
    this.#draw();
  }

  refresh() { if ($("chooser").open) this.#fill(); }

  #draw() {
    $("chooser-list").replaceChildren(...this.#items.map((item, index) => {
      const row = element("li", "", element("span", "", item.label), element("small", "", item.hint ?? ""));
      row.role = "option";
      row.ariaSelected = String(index === this.#at);
      row.onclick = () => this.#run(item);
      return row;
    }));
    $("chooser-list").children[this.#at]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#items.length) this.#at = (this.#at + step + this.#items.length) % this.#items.length;
    else if (event.key === "Enter" && this.#items[this.#at]) this.#run(this.#items[this.#at]);
    else return;
    event.preventDefault();
    if (step) this.#draw();
  }

  #run(item) {
    $("chooser").close();
    item.run();
  }
}

/** Searching: results at the side, each a way to where it was said. `find(q, offset)`, `jump(room, seq)`. */
export class SearchPane {
  #asked = 0; #seen = 0;

  constructor({ find, jump, title }) {
    this.actions = { find, jump, title };
    $("search-form").addEventListener("submit", (event) => { event.preventDefault(); this.#search(0); });
    $("search-more").addEventListener("click", () => this.#search(this.#seen));
    $("search-close").addEventListener("click", () => this.close());
  }

  open(room) {
    $("side").hidden = true;
    $("search").hidden = false;
    if (!$("search-words").value && room) $("search-words").placeholder = `Search; or: deploy from:bob in:${room}`;
    $("search-words").focus();
    $("search-words").select();
  }

  close() { $("search").hidden = true; }

  async #search(offset) {
    const words = $("search-words").value.trim(), asked = ++this.#asked;
    if (!words) return;
    $("search-state").textContent = "Searching…";
    try {
      const { items, more } = await this.actions.find(words, offset);
      if (asked !== this.#asked) return;
      this.#seen = offset + items.length;
      const rows = items.map((item) => this.#row(item));
      if (offset) $("search-list").append(...rows);
      else $("search-list").replaceChildren(...rows);
      $("search-state").textContent = this.#seen ? "" : "Nothing found. Try other words, or a beginning with a star: depl*";
      $("search-more").hidden = !more;
    } catch (error) {
      $("search-state").textContent = error.message;
    }
  }

  #row(item) {
    const text = element("p", "");
    text.append(markup(item.content.slice(0, 400), ""));
    const button = element("button", "", element("b", "", item.sender), " ", element("small", "",
      `${this.actions.title(item.room)} · ${new Date(item.timestamp).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}`));
    button.type = "button";
    button.onclick = () => this.actions.jump(item.room, item.seq);
    return element("li", "", button, text);
  }
}

/** The emoji to react with, beside `anchor`. */
export function pickEmoji(anchor, chosen) {
  const picker = $("picker"), box = anchor.getBoundingClientRect();
  const signs = [...new Set([...favourites, ...emoji.values()])];
  picker.replaceChildren(...signs.map((sign) => {
    const button = element("button", "", sign);
    button.type = "button";
    button.onclick = () => { picker.close(); chosen(sign); };
    return button;
  }));
  picker.style.top = `${Math.max(8, Math.min(box.top - 60, innerHeight - 320))}px`;
  picker.style.left = `${Math.max(8, Math.min(box.left - 140, innerWidth - 312))}px`;
  picker.onclick = (event) => { if (event.target === picker) picker.close(); };
  picker.showModal();
}

/** Asks before what cannot be undone. */
export function confirmed(question, act) {
  const dialog = $("confirm");
  $("confirm-text").textContent = question;
  $("confirm-yes").textContent = act;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => { dialog.onclose = () => resolve(dialog.returnValue === "yes"); });
}
