/* Who somebody is here: the dialog that asks for a name, and for a password where the name has an account; and what is
 * kept for the next time. A guest's session is for this tab. An account's is too, unless they want to stay signed in;
 * what is kept then is a token that the server can revoke, never the password. */

const KEYS = ["name", "session", "token"];
const HINT = "Letters, digits, and - _ . are fine.";

export const kept = {
  get: (key) => sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? "",

  /** Whether somebody asked to stay signed in. */
  stays: () => localStorage.getItem("session") !== null || localStorage.getItem("token") !== null,

  keep(values, stay) {
    kept.forget();
    const storage = stay ? localStorage : sessionStorage;
    for (const key of KEYS) if (values[key]) storage.setItem(key, values[key]);
  },

  forget: () => KEYS.forEach((key) => [sessionStorage, localStorage].forEach((storage) => storage.removeItem(key))),
};

/** What to say to somebody whose hello was refused; `shown` is what it showed to be let in. */
export function explain({ code, message, shown, name }) {
  if (code !== "unauthorized") return message;
  if (shown === "password") return "Wrong name or password.";
  if (shown === "token") return "This token is not valid (any more).";
  if (shown === "session") return "You were signed out. Please sign in again.";
  return name ? `${name} has an account here. Sign in, or go by another name.` : "Please sign in.";
}

/* An account goes by its own name, so it has nothing to choose but to leave. */
const MODES = {
  guest: { title: "What shall we call you?", submit: "Join the conversation", other: "Sign in to an account" },
  signIn: { title: "Sign in", submit: "Sign in", other: "Go on as a guest" },
  account: { title: "You are signed in", submit: "Go on" },
};

export class NameDialog {
  #$; #mode = "guest";

  /** `onEnter` gets {name} of a guest; or {name, password} or {token}, and `stay`. */
  constructor($, { onEnter, onSignOut }) {
    this.#$ = $;
    $("name-form").onsubmit = () => {
      const name = $("name").value.trim(), secret = $("password").value, stay = $("stay").checked;
      $("password").value = "";
      if (this.#mode === "guest") onEnter({ name });
      else if (this.#mode === "signIn") onEnter(name ? { name, password: secret, stay } : { token: secret.trim(), stay });
    };
    $("sign-in").onclick = () => this.#show(this.#mode === "guest" ? "signIn" : "guest");
    $("sign-out").onclick = () => onSignOut();
  }

  ask({ name, problem = "", signIn = false, account = false }) {
    const $ = this.#$;
    $("name-problem").textContent = problem || (account ? `Everybody knows you as ${name}.` : HINT);
    $("name-problem").classList.toggle("bad", Boolean(problem));
    $("name").value = name;
    $("stay").checked = kept.stays();
    this.#show(account ? "account" : signIn ? "signIn" : "guest");
    if (!$("name-dialog").open) $("name-dialog").showModal();
    $(signIn && name ? "password" : "name").select();
  }

  #show(mode) {
    const $ = this.#$, { title, submit, other } = MODES[mode];
    this.#mode = mode;
    $("name").hidden = $("sign-in").hidden = mode === "account";
    $("sign-out").hidden = mode !== "account";
    $("login").hidden = mode !== "signIn";
    $("password").required = mode === "signIn";
    $("name").required = mode === "guest";
    $("name-title").textContent = title;
    $("name-submit").textContent = submit;
    $("sign-in").textContent = other ?? "";
  }
}
