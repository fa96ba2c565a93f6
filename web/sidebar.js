/* The rooms at the side: those we are in, conversations, and what else there is. */
import { element } from "./markup.js";

function entry(room, current, enter) {
  const button = element("button", room.unread ? "fresh" : "", element("span", "", `${room.direct ? "@" : "#"} ${room.title}`));
  button.type = "button";
  button.onclick = () => enter(room.name);
  if (room === current) button.setAttribute("aria-current", "page");
  const badge = room.mentioned || room.unread;
  if (badge && room !== current) {
    const count = element("span", room.mentioned ? "badge calls" : "badge", badge > 99 ? "99+" : String(badge));
    count.ariaLabel = room.mentioned ? `${badge} mentions` : `${badge} unread`;
    button.append(count);
  }
  return element("li", "", button);
}

const byTitle = (a, b) => a.title.localeCompare(b.title);

export function drawSidebar(rooms, current, enter) {
  const all = [...rooms.values()];
  const fill = (id, some) => {
    const list = document.getElementById(id);
    list.replaceChildren(...some.sort(byTitle).map((room) => entry(room, current, enter)));
    list.parentElement.hidden = !some.length;
  };
  fill("room-list", all.filter((room) => !room.direct));
  fill("direct-list", all.filter((room) => room.direct));
}

/** Who is here, each a way to write to them. */
export function drawPeople(room, me, write) {
  const named = room.members.map(({ name, role }) => {
    const button = element("button", "", element("span", "", name),
      role && role !== "guest" && role !== "member" ? element("small", "", role) : "", name === me ? element("small", "", "you") : "");
    button.type = "button";
    button.title = name === me ? "That is you" : `Write to ${name}`;
    button.disabled = name === me;
    button.onclick = () => write(name);
    return element("li", "", button);
  });
  const rest = room.count - room.members.length;
  if (rest > 0) named.push(element("li", "rest", `${named.length ? "and " : ""}${rest} without a name`));
  document.getElementById("people-list").replaceChildren(...named);
}
