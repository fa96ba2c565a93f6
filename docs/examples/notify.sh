#!/bin/sh
# Runs a command and tells a room how it went, with the end of what it said if it failed:
#
#     notify.sh ops make backup
#
# The message is on the server's disk when this returns. curl tries again while the server is away; the key makes sure that
# the room gets it once. With a token: BANTER_TOKEN=… notify.sh …
set -u
url=${BANTER_URL:-http://127.0.0.1:8765}
room=$1
shift

output=$("$@" 2>&1)
status=$?
[ -z "$output" ] || printf '%s\n' "$output"
if [ "$status" = 0 ]; then
    priority=low text="done: $*"
else
    priority=high text="failed ($status): $*
$(printf '%s\n' "$output" | tail -n 5)"
fi

printf '%s' "$text" | curl -fsS --retry 5 --retry-connrefused -o /dev/null --data-binary @- \
    -H "Sender: $(hostname)" -H "Title: $1" -H "Priority: $priority" -H "Idempotency-Key: $(hostname)-$(date +%s)-$$" \
    ${BANTER_TOKEN:+-H "Authorization: Bearer $BANTER_TOKEN"} "$url/r/$room"
exit "$status"
