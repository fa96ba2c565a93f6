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

export class NameDialog {
  #$; #signingIn = false;

  /** `onEnter` gets {name} of a guest, or {name, password} or {token}, and `stay`. */
  constructor($, { onEnter, onSignOut }) {
    this.#$ = $;
    $("name-form").onsubmit = () => {
      const name = $("name").value.trim(), secret = $("password").value, stay = $("stay").checked;
      $("password").value = "";
      if (!this.#signingIn) onEnter({ name });
      else onEnter(name ? { name, password: secret, stay } : { token: secret.trim(), stay });
    };
    $("sign-in").onclick = () => this.#show(!this.#signingIn);
    $("sign-out").onclick = () => onSignOut();
  }

  ask({ name, problem = "", signIn = false, account = false }) {
    const $ = this.#$;
    $("name-problem").textContent = problem || HINT;
    $("name-problem").classList.toggle("bad", Boolean(problem));
    $("name").value = name;
    $("stay").checked = kept.stays();
    $("sign-out").hidden = !account;
    $("sign-in").hidden = account;
    this.#show(signIn);
    if (!$("name-dialog").open) $("name-dialog").showModal();
    $(signIn && name ? "password" : "name").select();
  }

  #show(signingIn) {
    const $ = this.#$;
    this.#signingIn = signingIn;
    $("login").hidden = !signingIn;
    $("password").required = signingIn;
    $("name").required = !signingIn;
    $("name-title").textContent = signingIn ? "Sign in" : "What shall we call you?";
    $("name-submit").textContent = signingIn ? "Sign in" : "Join the conversation";
    $("sign-in").textContent = signingIn ? "Go on as a guest" : "Sign in to an account";
  }
}
