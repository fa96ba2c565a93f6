/** What the server answered instead of doing what was asked for. */
export class BanterError extends Error {
  /** "closed": there was no answer before the connection was closed for good. */
  readonly code: "bad_request" | "too_large" | "unauthorized" | "forbidden" | "not_found" | "name_taken" | "rate_limited" | "cid_reused"
    | "too_many" | "unavailable" | "internal" | "closed";
  /** How long to wait before asking again, in milliseconds, where that helps. */
  readonly retryMs?: number;
  readonly room?: string;
}

export interface Entry {
  type: "message" | "edit" | "delete" | "react" | "topic";
  room: string;
  /** 1, 2, 3 … without holes within its room. */
  seq: number;
  /** Unique over all rooms. */
  id: string;
  sender: string;
  /** ISO 8601, UTC. */
  timestamp: string;
  content?: string;
  cid?: string;
  /** The seq this answers. */
  re?: number;
  /** The seq this edits, deletes or reacts to. */
  of?: number;
  key?: string;
  op?: "add" | "remove";
  deleted?: boolean;
  title?: string;
  priority?: number;
  tags?: string[];
  click?: string;
}

export interface Ack { type: "ack"; room: string; seq: number; id: string; timestamp: string }
export interface Joined { type: "joined"; room: string; epoch: string; first: number; last: number; read: number; client_count: number; topic: string }
export interface Batch { type: "batch"; room?: string; items: Entry[]; more?: boolean }
export interface RoomItem { room: string; last: number; read: number; client_count: number; topic: string }
export interface Member { name: string; role: string }
export interface Welcome {
  type: "welcome"; name: string; session: string; server: string; ping_ms: number;
  limits: { message: number; per_minute: number };
  rooms: { room: string; epoch: string; last: number; read: number }[];
}

export interface Options {
  name?: string;
  /** The secret of an earlier session, to be that one again. */
  session?: string;
  token?: string;
  password?: string;
  /** Where there is no global one (Node before 22): the class of a WebSocket library. */
  WebSocket?: unknown;
}

/** How a room is set, and who is what. */
export interface Rules {
  type: "rules"; room?: string; access: "public" | "members"; posting: "all" | "members" | "moderators"; slow: number;
  registered_only: boolean; topic_lock: boolean; items: { rule: "role" | "ban" | "mute"; [member: string]: unknown }[]; more?: boolean;
}

/** What each event's `detail` is. */
export interface Events {
  /** `retryMs`: when it tries again; `reason`: why it does not. */
  state: { state: Banter["state"]; retryMs?: number; reason?: string; code?: number };
  welcome: Welcome;
  joined: Joined;
  /** `older`: of a page of history that was asked for. */
  entry: { entry: Entry; older: boolean };
  live: { room: string; at: number };
  /** Something is gone for good, or the server began anew. */
  gap: { room: string; epoch: string; after: number; first: number; reason: "retention" | "epoch" | "rewound" };
  presence: { room: string; join: string[]; leave: string[]; client_count: number };
  typing: { room: string; sender: string; state: "active" | "idle" };
  read: { room: string; seq: number };
  notice: { room?: string; event: string; by: string; name?: string; message: string };
  /** An error that answers no request, or the hello. */
  problem: { code: BanterError["code"]; message: string; retry_ms?: number; room?: string; cid?: string; shown: string; name: string };
  /** The requests without an answer have changed. */
  pending: Record<string, never>;
}

/** Each entry once and in order. Ends by close() and leave(); throws a BanterError when one is put out of the room. */
export interface Feed extends AsyncIterableIterator<Entry> {
  next(): Promise<IteratorResult<Entry, undefined>>;
  return(): Promise<IteratorResult<Entry, undefined>>;
}

export class Banter extends EventTarget {
  constructor(url: string | URL, options?: Options);
  name: string;
  /** The secret to come back with; empty for an account that came with a token. */
  session: string;
  token: string;
  readonly isAccount: boolean;
  limits: { message?: number; per_minute?: number };
  readonly state: "offline" | "connecting" | "online" | "closed";
  readonly rooms: Map<string, { epoch: string; after: number }>;
  addEventListener<Type extends keyof Events>(type: Type, listener: (event: CustomEvent<Events[Type]>) => void,
    options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  connect(): Promise<Welcome>;
  /** For good. What has no answer is rejected, and stays in `unanswered`. */
  close(): Promise<void>;
  /** Tries to come back now. */
  hurry(): void;
  login(who?: { name?: string; password?: string; token?: string }): Promise<Welcome>;
  join(room: string, from?: { after?: number; epoch?: string }): Promise<Joined>;
  leave(room: string): Promise<unknown>;
  /** `room` is a room's name, or "@name" for a direct message. Resolves when the message is durable. */
  send(room: string, content: string, options?: { cid?: string; re?: number }): Promise<Ack>;
  edit(room: string, of: number, content: string): Promise<Ack>;
  remove(room: string, of: number): Promise<Ack>;
  react(room: string, of: number, key: string, op?: "add" | "remove"): Promise<Ack>;
  topic(room: string, content: string): Promise<Ack>;
  typing(room: string): void;
  read(room: string, seq: number): void;
  history(room: string, range?: { before?: number; after?: number; limit?: number }): Promise<Batch>;
  search(q: string, options?: { rooms?: string[]; limit?: number; offset?: number }): Promise<Batch>;
  list(): Promise<{ type: "rooms"; items: RoomItem[] }>;
  members(room: string): Promise<{ type: "members"; room: string; items: Member[] }>;
  /** Any other request of the protocol; resolves with its answer. */
  ask(frame: { type: "rules"; room?: string; offset?: number; limit?: number }): Promise<Rules>;
  ask(frame: { type: string; [member: string]: unknown }): Promise<unknown>;
  /** Every entry once and in order, over lost connections; from now on, or from behind `after`. */
  entries(room: string, from?: { after?: number }): Feed;
  /** Messages without an answer: to be kept over a restart and given to resend(). */
  readonly unanswered: { type: string; cid: string }[];
  resend(frame: { type: string; cid: string }): Promise<Ack>;
}
