/* The npm package: what its types tell is what there is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as library from "../../web/client.js";

const types = readFileSync(new URL("../../web/client.d.ts", import.meta.url), "utf8");

test("the types name what the library has", () => {
  const told = types.slice(types.indexOf("export class Banter extends")).matchAll(/^  (?:readonly )?(\w+)[(<:]/gm);
  const names = new Set([...told].map(([, name]) => name).filter((name) => name !== "constructor"));
  const banter = new library.Banter("ws://127.0.0.1/ws", { WebSocket: class {} });
  const own = [...Object.keys(banter), ...Object.getOwnPropertyNames(library.Banter.prototype)].filter((name) => name !== "constructor");
  assert.deepEqual([...names].filter((name) => name !== "addEventListener").sort(), own.sort());
  for (const name of Object.keys(library)) assert.match(types, new RegExp(`export class ${name} `));
});

test("the types name the events the library tells of", () => {
  const source = readFileSync(new URL("../../web/client.js", import.meta.url), "utf8");
  const told = new Set([...source.slice(source.indexOf("Events (each"), source.indexOf("*/")).matchAll(/"(\w+)"(?: \{[^}]*\})?[,.]/g)].map(([, name]) => name));
  const events = types.slice(types.indexOf("export interface Events"), types.indexOf("export interface Feed"));
  assert.deepEqual([...told].sort(), [...events.matchAll(/^  (\w+):/gm)].map(([, name]) => name).sort());
});

test("events are told where there is no CustomEvent, as in Node 18", async () => {
  const { CustomEvent } = globalThis;
  delete globalThis.CustomEvent;
  const { Banter } = await import("../../web/client.js?without");
  globalThis.CustomEvent = CustomEvent;
  const banter = new Banter("ws://127.0.0.1/ws", { WebSocket: class {} }), states = [];
  banter.addEventListener("state", ({ detail }) => states.push(detail.state));
  await banter.close();
  assert.deepEqual(states, ["closed"]);
});
