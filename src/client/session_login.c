/* Logging in: whose session it is, and the password that stands for it until the server has given
 * out a secret to come back with. */
#include "client/session_internal.h"

#define PASSWORDS_WRONG_MAX 3 /* as many as a server takes on one connection */
#define PASSWORDS_ASKED_MAX 5 /* also of names that were only wished for */

struct slice session_secret(const struct session *session) {
    return session->welcomed ? slice_of_string(session->secret) : SLICE_NONE;
}

bool session_ask_password(struct session *session, struct session_event *event, bool again) {
    event->kind = SESSION_PASSWORD;
    event->again = again;
    event->optional = session->options.name_is_a_wish;
    session_event_text(event, buffer_slice(&session->name));
    session->state = SESSION_STATE_ASKING;
    session->deadline_ms = UINT64_MAX;
    return true;
}

bool session_may_log_in(struct session *session) {
    session->passwords_wrong += buffer_length(&session->password) > 0;
    return buffer_length(&session->name) > 0 && session->options.token == NULL &&
           session->passwords_wrong < PASSWORDS_WRONG_MAX &&
           session->passwords_asked++ < PASSWORDS_ASKED_MAX;
}

bool session_greet(struct session *session, struct session_event *event) {
    bool must_ask = session->options.log_in && session->secret[0] == 0 &&
                    buffer_length(&session->password) == 0;

    if (must_ask)
        return session_ask_password(session, event, false);
    session_say_hello(session);
    return false;
}

void session_give_password(struct session *session, uint64_t now_ms, struct slice password) {
    if (session->state != SESSION_STATE_ASKING)
        return;
    buffer_clear(&session->password);
    buffer_append_slice(&session->password, password);
    session->no_password = password.length == 0 && !session_wish_again(session);
    if (session->no_password)
        return;
    session->state = SESSION_STATE_GREETING;
    session->now_ms = now_ms;
    session->deadline_ms = now_ms + GREETING_TIMEOUT_MS;
    session_say_hello(session);
}
