"""A robot that answers `!time` in a room and misses nothing: robot.py [ROOM]. Needs websockets (Debian: python3-websockets).

It remembers the last number it has seen and goes on from there when the connection was lost. An answer's `cid` says what it
answers: should the robot be cut off before it knows that its answer was stored, it answers again, and the room has it once.
"""

import asyncio
import datetime
import json
import os
import sys

import websockets

URL = os.environ.get("BANTER_URL", "ws://127.0.0.1:8765/ws")
ROOM = sys.argv[1] if len(sys.argv) > 1 else "lobby"


async def serve(place):
    async with websockets.connect(URL, subprotocols=["banter.v1"]) as hub:

        async def ask(**request):
            await hub.send(json.dumps(request))

        await ask(type="hello", name="robot", **place["who"])
        await ask(type="join", room=ROOM, **place["read"])
        async for text in hub:
            frame = json.loads(text)
            if frame["type"] == "welcome":
                place["who"] = {"session": frame["session"]}
            elif frame["type"] == "joined":
                place["read"] = {"epoch": frame["epoch"], "after": place["read"].get("after", frame["last"])}
                print("here", flush=True)
            elif frame["type"] == "gap":
                place["read"] = {"epoch": frame["epoch"], "after": frame["first"] - 1}
            elif frame["type"] == "error":
                print(frame.get("detail", frame["message"]), file=sys.stderr)
            for entry in frame["items"] if frame["type"] == "batch" else [frame]:
                if "seq" not in entry or "sender" not in entry or entry["seq"] <= place["read"]["after"]:
                    continue
                if entry["type"] == "message" and entry["content"] == "!time":
                    now = f"{datetime.datetime.now():%H:%M}"
                    await ask(type="message", room=ROOM, content=now, re=entry["seq"], cid=f"time-{entry['seq']}")
                place["read"]["after"] = entry["seq"]


async def main():
    place = {"who": {}, "read": {}}
    while True:
        try:
            await serve(place)
        except (OSError, websockets.WebSocketException):
            pass
        await asyncio.sleep(1)


asyncio.run(main())
