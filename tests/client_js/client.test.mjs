/* client.js in Node against a real server: what it promises about messages, connections and who one is. */
import assert from "node:assert/strict";
import { Banter, BanterError } from "../../web/client.js";
import { client, event, Server, take, test, WebSocket } from "./server.mjs";

const PASSWORD = "horse Battery:5taple";
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`);

test("a message is acknowledged with its number, and read by others", async (t) => {
  const server = await Server.start(t), ann = client(t, server, { name: "ann" }), bob = client(t, server);
  assert.equal((await ann.connect()).name, "ann");
  await bob.connect();
  const feed = bob.entries("ops");
  await event(bob, "joined");
  const ack = await ann.send("ops", "deploy done");
  const { value } = await feed.next();
  assert.deepEqual([value.seq, value.id, value.sender, value.content], [ack.seq, ack.id, "ann", "deploy done"]);
});

test("what is sent before there is a connection is stored when there is one", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  const sent = ann.send("ops", "early");
  assert.equal(ann.unanswered.length, 1);
  await ann.connect();
  assert.equal((await sent).seq, 1);
  assert.deepEqual(ann.unanswered, []);
});

test("over a server that is killed again and again nothing is missing and nothing comes twice", async (t) => {
  const server = await Server.start(t), writer = client(t, server, { name: "writer" }), reader = client(t, server);
  await Promise.all([writer.connect(), reader.connect()]);
  const feed = reader.entries("ops", { after: 0 });
  const sent = [];
  for (let round = 0; round < 3; round++) {
    const first = round * 200 + 1;
    sent.push(...numbers(first, first + 99).map((number) => writer.send("ops", number)));
    await sent.at(-100);
    await server.kill();
    sent.push(...numbers(first + 100, first + 199).map((number) => writer.send("ops", number)));
    await server.restart();
    writer.hurry();
  }
  const acks = await Promise.all(sent);
  assert.deepEqual(acks.map(({ seq }) => seq), acks.map((_, index) => index + 1));
  assert.deepEqual(await take(feed, 600), numbers(1, 600));
});

test("entries of a room that is read already begin where one wants them to", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  await ann.connect();
  for (const number of numbers(1, 250)) await ann.send("ops", number);
  const news = ann.entries("ops");
  await event(ann, "joined");
  const whole = ann.entries("ops", { after: 0 }), rest = ann.entries("ops", { after: 248 });
  await ann.send("ops", "251");
  assert.deepEqual(await take(news, 1), ["251"]);
  assert.deepEqual(await take(rest, 3), numbers(249, 251));
  assert.deepEqual(await take(whole, 251), numbers(1, 251));
});

test("two that read a room from the start get each entry once, as do those who listen", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  await ann.connect();
  const feeds = [ann.entries("ops"), ann.entries("ops")], heard = [];
  ann.addEventListener("entry", ({ detail }) => heard.push(detail.entry.content));
  await ann.send("other", "not here");
  await ann.history("ops").catch(() => {});
  await ann.send("ops", "1");
  for (const feed of feeds) assert.deepEqual(await take(feed, 1), ["1"]);
  assert.deepEqual(heard, ["1"]);
});

test("a room has the same entries however it is written", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  await ann.connect();
  await ann.send("Ops", "1");
  const feed = ann.entries("OPS", { after: 0 }), heard = [];
  ann.addEventListener("entry", ({ detail }) => heard.push(detail.entry.content));
  assert.deepEqual(await take(feed, 1), ["1"]);
  const again = ann.entries("OPS");
  await ann.send("ops", "2");
  assert.deepEqual(await take(feed, 1), ["2"]);
  assert.deepEqual(await take(again, 1), ["2"]);
  assert.deepEqual(heard, ["1", "2"]);
});

test("entries go on when the store begins anew", async (t) => {
  const server = await Server.start(t, "--set", "history=memory"), ann = client(t, server);
  await ann.connect();
  for (const number of numbers(1, 5)) await ann.send("ops", number);
  const feed = ann.entries("ops");
  await event(ann, "joined");
  await server.kill();
  await server.restart();
  ann.hurry();
  const gap = event(ann, "gap");
  await event(ann, "live");
  assert.equal((await gap).reason, "epoch");
  await ann.send("ops", "a new life");
  assert.deepEqual(await take(feed, 1), ["a new life"]);
});

test("leaving a room ends its entries, and it is not entered again", async (t) => {
  const server = await Server.start(t), ann = client(t, server), bob = client(t, server);
  await Promise.all([ann.connect(), bob.connect()]);
  const feed = ann.entries("ops");
  await event(ann, "joined");
  await Promise.all([ann.leave("ops"), ...numbers(1, 20).map((number) => bob.send("ops", number))]);
  await take(feed, 100);
  assert.equal((await feed.next()).done, true);
  assert.equal(ann.rooms.has("ops"), false);
});

test("a loop that is left takes nothing more", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  await ann.connect();
  for (const number of numbers(1, 3)) await ann.send("ops", number);
  const feed = ann.entries("ops", { after: 0 });
  for await (const entry of feed) if (entry.seq === 2) break;
  await ann.send("ops", "4");
  assert.deepEqual(await take(feed, 1), []);
});

test("whoever is put out of a room is told by an error", async (t) => {
  const server = await Server.start(t);
  server.addUser("root", PASSWORD);
  const root = client(t, server, { name: "root", password: PASSWORD }), bob = client(t, server, { name: "bob" });
  await Promise.all([root.connect(), bob.connect()]);
  await root.ask({ type: "create", room: "ops" });
  const feed = bob.entries("ops");
  await event(bob, "joined");
  await root.ask({ type: "ban", room: "ops", name: "bob" });
  await assert.rejects(feed.next(), (error) => error instanceof BanterError && error.code === "forbidden" && error.room === "ops");
  assert.equal((await feed.next()).done, true);
  await assert.rejects(bob.send("ops", "x"), { code: "forbidden" });
});

test("errors have a code", async (t) => {
  const server = await Server.start(t), ann = client(t, server, { name: "ann" });
  await ann.connect();
  await assert.rejects(ann.join("not a room"), { name: "BanterError", code: "bad_request" });
  await assert.rejects(ann.history("nowhere"), { code: "not_found" });
  await assert.rejects(ann.send("ops", "é".repeat(ann.limits.message / 2 + 1)), { code: "too_large" });
  await assert.rejects(ann.entries("$rules").next(), { code: "not_found" });
  await ann.send("ops", "one", { cid: "c1" });
  await assert.rejects(ann.send("ops", "two", { cid: "c1" }), { code: "cid_reused" });
  assert.equal(ann.state, "online");
});

test("a rate limit says when to try again", async (t) => {
  const server = await Server.start(t, "--set", "rate_per_minute=1"), ann = client(t, server);
  await ann.connect();
  await ann.send("ops", "one");
  await assert.rejects(ann.send("ops", "two"), (error) => error.code === "rate_limited" && error.retryMs > 0 && error.retryMs <= 60000);
});

test("a name that is taken is refused, and another one can be tried", async (t) => {
  const server = await Server.start(t), ann = client(t, server, { name: "ann" }), other = client(t, server, { name: "Ann" });
  await ann.connect();
  await assert.rejects(other.connect(), { code: "name_taken" });
  assert.equal((await other.login({ name: "anna" })).name, "anna");
  assert.equal(other.name, "anna");
});

test("an account comes in by password, by its session, and by token", async (t) => {
  const server = await Server.start(t);
  server.addUser("ann", PASSWORD);
  const first = client(t, server, { name: "ann", password: PASSWORD });
  await first.connect();
  assert.equal(first.isAccount, true);
  const { session } = first;
  await first.close();
  const second = client(t, server, { session });
  assert.equal((await second.connect()).name, "ann");
  const token = server.operate("token", "add", "ann").split(/\s/).at(-1);
  const third = client(t, server, { token });
  assert.equal((await third.connect()).name, "ann");
  assert.equal(third.session, "");
  await assert.rejects(client(t, server, { name: "ann", password: "wrong" }).connect(), { code: "unauthorized" });
  await assert.rejects(client(t, server, { token: "bt_wrong" }).connect(), { code: "unauthorized" });
});

test("a session that is taken over elsewhere is not taken back", async (t) => {
  const server = await Server.start(t), first = client(t, server, { name: "ann" });
  await first.connect();
  const feed = first.entries("ops"), second = client(t, server, { session: first.session });
  await event(first, "joined");
  const closed = event(first, "state", ({ state }) => state === "closed");
  assert.equal((await second.connect()).name, "ann");
  assert.equal((await closed).code, 4502);
  await assert.rejects(feed.next(), { code: "closed" });
  await assert.rejects(first.send("ops", "x"), { code: "closed" });
});

test("what had no answer is sent again by the next life, and stored once", async (t) => {
  const server = await Server.start(t), first = client(t, server, { name: "ann" });
  await first.connect();
  const { session } = first;
  await first.send("ops", "0");
  const unanswered = numbers(1, 20).map((number) => first.send("ops", number));
  const closing = first.close(), kept = first.unanswered;
  await closing;
  const outcomes = await Promise.allSettled(unanswered);
  const lost = first.unanswered;
  assert.equal(outcomes.filter(({ reason }) => reason?.code === "closed").length, lost.length);
  assert.deepEqual(kept.length, 20);
  const second = client(t, server, { session });
  await second.connect();
  await Promise.all(kept.map((frame) => second.resend(frame)));
  const { items } = await second.history("ops");
  assert.deepEqual(items.map(({ content }) => content), numbers(0, 20));
});

test("closing ends loops, frees the name, and can be undone", async (t) => {
  const server = await Server.start(t), ann = client(t, server, { name: "ann" });
  await ann.connect();
  const feed = ann.entries("ops");
  await event(ann, "joined");
  const waiting = feed.next();
  await ann.close();
  assert.equal(ann.state, "closed");
  assert.equal((await waiting).done, true);
  const other = client(t, server, { name: "ann" });
  await other.connect();
  await other.close();
  assert.equal((await ann.connect()).name, "ann");
  assert.equal((await ann.send("ops", "again")).seq, 1);
});

test("direct messages reach one, and have a room of their own", async (t) => {
  const server = await Server.start(t), ann = client(t, server, { name: "ann" }), bob = client(t, server, { name: "bob" });
  await Promise.all([ann.connect(), bob.connect()]);
  const heard = event(bob, "entry");
  assert.equal((await ann.send("@bob", "psst")).room, "@ann,bob");
  assert.equal((await heard).entry.content, "psst");
  const feed = bob.entries("@ann,bob", { after: 0 });
  assert.deepEqual(await take(feed, 1), ["psst"]);
  await bob.send("@ann,bob", "yes?");
  assert.deepEqual(await take(feed, 1), ["yes?"]);
});

test("what a search finds is an answer, not news of a room", async (t) => {
  const server = await Server.start(t), ann = client(t, server);
  await ann.connect();
  await ann.send("ops", "the mainframe");
  const heard = [];
  ann.addEventListener("entry", ({ detail }) => heard.push(detail));
  assert.equal((await ann.search("mainframe")).items[0].content, "the mainframe");
  assert.deepEqual(heard, []);
});

test("Node without a WebSocket is told what is missing", () => {
  assert.throws(() => new Banter("ws://127.0.0.1/ws", { WebSocket: null }), /give one in the options/);
});

test("a server that restarts is come back to at once", async (t) => {
  const server = await Server.start(t);
  const told = class extends WebSocket { set onclose(handle) { super.onclose = () => handle({ code: 1012, reason: "service restart" }); } };
  const ann = client(t, server, { WebSocket: told });
  const { reconnect_ms: [least] } = await ann.connect();
  assert.equal(least, 500);
  for (let round = 0; round < 5; round++) {
    const state = event(ann, "state"), back = event(ann, "welcome");
    await server.kill();
    const { retryMs } = await state;
    assert.ok(retryMs >= 0 && retryMs < 500, `${retryMs}`);
    await server.restart();
    ann.hurry();
    await back;
  }
});

test("a connection that fell silent without a word is given up", async (t) => {
  const server = await Server.start(t), look = {};
  const deaf = class extends WebSocket { set onmessage(handle) { super.onmessage = (event) => look.deaf || handle(event); } };
  const real = { setInterval, now: Date.now };
  globalThis.setInterval = (run) => { look.run = run; };
  const ann = client(t, server, { WebSocket: deaf });
  await ann.connect();
  globalThis.setInterval = real.setInterval;
  t.after(() => { Date.now = real.now; });
  Date.now = () => real.now() + 31000;
  look.run();
  await ann.list(); /* it was asked, and has answered */
  look.run();
  assert.equal(ann.state, "online");
  look.deaf = true;
  Date.now = () => real.now() + 62000;
  look.run();
  Date.now = () => real.now() + 73000;
  look.run();
  assert.equal(ann.state, "offline");
  look.deaf = false;
  await event(ann, "welcome");
});
