#!/bin/sh
# Follows a room and runs a command for each message, which gets it as JSON on its standard input:
#
#     follow.sh ops jq -r .content
#
# Where it was is kept in a file, so that it goes on there after a lost connection, and when it is started again: a message
# is forgotten only when the command has seen it.
set -eu
url=${BANTER_URL:-http://127.0.0.1:8765}
room=$1
shift
place=.last-id-of-$room
touch "$place"

while :; do
    # What comes by itself: `id: EPOCH:SEQ`, then `data: {…}`.
    curl -sN -H "Last-Event-ID: $(cat "$place")" "$url/sse?room=$room" | while read -r word rest; do
        case $word in
            id:) id=$rest ;;
            data:) printf '%s\n' "$rest" | "$@" ;;
            '') [ -z "${id-}" ] || printf '%s' "$id" >"$place" ;;
        esac
    done || true
    sleep 1
done
