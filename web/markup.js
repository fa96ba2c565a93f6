/* What people write, as nodes: code blocks, `code`, links, @mentions and :emoji:. Everything goes in as text, never as
 * HTML, and only http, https and mailto become links. */
import { withEmoji } from "./emoji.js";

const INLINE = /`([^`\n]+)`|(https?:\/\/[^\s<>"`]+|mailto:[^\s<>"`]+)|(?<![\p{L}\p{N}_])@([\p{L}\p{N}][\p{L}\p{N}\p{M}._-]*)/gu;

export function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content.filter((part) => part !== undefined && part !== null));
  return made;
}

/** A link without the full stop or bracket that belongs to the sentence around it. */
function cutLink(url) {
  let end = url.length;
  while (/[.,;:!?'*]/.test(url[end - 1]) || (url[end - 1] === ")" && !url.slice(0, end).includes("("))) end--;
  return url.slice(0, end);
}

function link(url) {
  const made = element("a", "", url);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  return made;
}

function inline(text, me, into) {
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    let [whole, code, url, mention] = match;
    if (url) whole = url = cutLink(url);
    into.append(withEmoji(text.slice(from, match.index)));
    from = match.index + whole.length;
    if (code) into.append(element("code", "", code));
    else if (url) into.append(link(url));
    else into.append(element("span", same(mention, me) ? "mention me" : "mention", whole));
  }
  into.append(withEmoji(text.slice(from)));
}

const fold = (name) => name.normalize("NFKC").toLowerCase();
export const same = (a, b) => Boolean(a && b) && fold(a) === fold(b);

/** Whether `text` calls `name`. */
export function mentions(text, name) {
  if (!name) return false;
  for (const match of text.matchAll(INLINE)) if (match[3] && same(match[3].replace(/[._-]+$/, ""), name)) return true;
  return false;
}

/** `text` as a fragment; `me` is whose mentions stand out. */
export function markup(text, me) {
  const into = document.createDocumentFragment();
  text.split(/^```[^\n]*\n([\s\S]*?)\n?```[ \t]*$\n?/m).forEach((part, index) => {
    if (index % 2) into.append(element("pre", "", element("code", "", part)));
    else if (part) inline(part, me, into);
  });
  return into;
}
