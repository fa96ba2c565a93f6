/* A banterd for tests of client.js in Node, and what the tests share. What is started here is stopped when its test ends. */
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import run from "node:test";
import { Banter } from "../../web/client.js";

export const { WebSocket } = createRequire(import.meta.url)("ws");

const TIMEOUT_MS = 60000;

/** What waits in vain is a failure. */
export const test = (name, body) => run(name, { timeout: TIMEOUT_MS }, body);

/** A port that nobody has, below those that the system gives out, so that it is nobody's while a server is restarted. */
async function freePort() {
  for (;;) {
    const port = 15000 + Math.floor(Math.random() * 17000), probe = createServer();
    try { await once(probe.listen(port, "127.0.0.1"), "listening"); } catch { continue; }
    await once(probe.close(), "close");
    return port;
  }
}

export class Server {
  #process;

  /** `test`: the context of the test; it has as many servers as it likes. */
  static async start(test, ...flags) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "banter-client-"));
    server.flags = ["--set", "rate_per_minute=0", ...flags];
    await server.run(`ws://127.0.0.1:${await freePort()}`);
    test.after(async () => {
      await server.stop("SIGTERM");
      assert.ok(server.#process.signalCode === "SIGKILL" || server.#process.exitCode === 0, `banterd ended with ${server.#process.exitCode}`);
      rmSync(server.folder, { recursive: true });
    });
    return server;
  }

  async run(listen) {
    const options = { stdio: ["ignore", "pipe", "inherit"] };
    this.#process = spawn(process.env.BANTERD, ["--data", this.folder, "--listen", listen, ...this.flags], options);
    for await (const line of createInterface(this.#process.stdout)) {
      const found = line.match(/^\[Server\] Running on (ws:\S+?)\/?$/);
      if (!found) continue;
      this.listen = found[1];
      this.url = `${found[1]}/ws`;
      return;
    }
    throw new Error("banterd did not start");
  }

  async stop(signal) {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill(signal);
    await exited;
  }

  /** As a crash would. */
  kill() { return this.stop("SIGKILL"); }
  /** On the same port, with the same data. */
  restart() { return this.run(this.listen); }

  operate(...words) { return execFileSync(process.env.BANTERD, [...words, "--data", this.folder], { encoding: "utf8", input: `${this.password ?? ""}\n` }).trim(); }

  addUser(name, password) {
    this.password = password;
    this.operate("user", "add", name);
  }
}

/** A client that is closed with its test. */
export function client(test, server, options = {}) {
  const banter = new Banter(server.url, { WebSocket, ...options });
  test.after(() => banter.close());
  return banter;
}

/** The next event of a type that is as wanted. */
export function event(banter, type, wanted = () => true) {
  return new Promise((resolve) => {
    const listener = ({ detail }) => {
      if (!wanted(detail)) return;
      banter.removeEventListener(type, listener);
      resolve(detail);
    };
    banter.addEventListener(type, listener);
  });
}

/** The contents of the next `count` entries of a feed. */
export async function take(feed, count) {
  const contents = [];
  while (contents.length < count) {
    const { value, done } = await feed.next();
    if (done) break;
    contents.push(value.content);
  }
  return contents;
}
