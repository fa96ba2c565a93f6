/* A robot that answers `!time` in a room and misses nothing: node robot.mjs [ROOM]. Needs `npm install ws` before Node 22, and
 * banter-client, or in its place the file /client.js that every server has, saved as banter.mjs. */
import { Banter } from "banter-client";

const WebSocket = globalThis.WebSocket ?? (await import("ws")).default;
const url = process.env.BANTER_URL ?? "ws://127.0.0.1:8765/ws";
const room = process.argv[2] ?? "lobby";

const banter = new Banter(url, { name: "robot", WebSocket });
banter.addEventListener("problem", ({ detail }) => console.error(detail.message));
banter.addEventListener("joined", () => console.log("here"), { once: true });
await banter.connect();

for await (const { type, content, seq } of banter.entries(room)) {
  if (type !== "message" || content !== "!time") continue;
  const now = new Date().toTimeString().slice(0, 5);
  await banter.send(room, now, { re: seq, cid: `time-${seq}` }); // the same cid again is stored once
}
