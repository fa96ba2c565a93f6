/* The desktop and the title say when somebody calls. */

export const canNotify = () => "Notification" in globalThis && Notification.permission !== "denied";
export const notifies = () => "Notification" in globalThis && Notification.permission === "granted" && localStorage.getItem("notify") !== "off";

export async function toggleNotifications() {
  if (notifies()) { localStorage.setItem("notify", "off"); return false; }
  localStorage.setItem("notify", "on");
  return (await Notification.requestPermission()) === "granted";
}

/** One notification for each room: a later one takes its place. */
export function notify(title, body, tag, clicked) {
  if (!notifies() || !document.hidden) return;
  const shown = new Notification(title, { body: body.slice(0, 200), tag, icon: "/icon.svg" });
  shown.onclick = () => { window.focus(); clicked(); shown.close(); };
}

export function showInTitle(title, mentioned, unread) {
  const count = mentioned || unread;
  document.title = `${count ? `(${count}) ` : ""}${title} · banter`;
  navigator.setAppBadge?.(mentioned).catch(() => {});
}
