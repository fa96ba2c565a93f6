#include "auth/principals.h"

#include "auth/vouch.h"
#include "base/memory.h"

static void vouch(struct question *question, const struct principal *principal) {
    question->principal = principal_copy(principal);
}

void vouch_for_account(struct question *question, const struct account *account,
                       struct slice session) {
    struct principal principal = {
        .identity = account->identity, .name = account->name, .role = account->role};

    if (session.length > 0) {
        principal.session = session;
        principal.device = token_device(session);
    }
    vouch(question, &principal);
}

/* The lines of a token's patterns; to be freed. */
static struct slice *split_rooms(struct slice lines, size_t *count) {
    struct slice *rooms = memory_new((lines.length + 1) * sizeof(*rooms));

    *count = 0;
    while (lines.length > 0)
        rooms[(*count)++] = slice_cut(&lines, '\n');
    return rooms;
}

void vouch_for_token(struct question *question, const struct token *token,
                     const struct account *account) {
    size_t count;
    struct slice *rooms = split_rooms(token->rooms, &count);

    vouch(question, &(struct principal){
                        .identity = account->identity,
                        .device = token_device(question->secret),
                        .name = account->name,
                        .role = token->role < account->role ? token->role : account->role,
                        .has_ceiling = true,
                        .ceiling = token->role,
                        .restricted = token->restricted,
                        .rooms = rooms,
                        .room_count = count,
                        .expires_us = token->kind == TOKEN_API ? token->expires_us : 0,
                        .has_rate = token->has_rate,
                        .rate_per_minute = token->rate_per_minute,
                    });
    memory_free(rooms);
}

void vouch_for_hook(struct question *question, const struct hook *hook) {
    vouch(question, &(struct principal){
                        .identity = hook->identity,
                        .device = hook_device(question->secret),
                        .role = ROLE_GUEST,
                        .restricted = true,
                        .rooms = &hook->room,
                        .room_count = 1,
                        .has_rate = hook->has_rate,
                        .rate_per_minute = hook->rate_per_minute,
                        .hook_room = hook->room,
                        .label = hook->label,
                    });
}

void vouch_for_claims(struct question *question, const struct jwt_claims *claims) {
    vouch(question, &(struct principal){
                        .identity = jwt_identity(claims),
                        .name = claims->name,
                        .role = claims->role,
                        .restricted = claims->restricted,
                        .rooms = claims->rooms,
                        .room_count = claims->room_count,
                        .expires_us = claims->expires_us,
                    });
}
