#!/usr/bin/python3
"""A relay with Python's websockets: every text goes to everybody.

    websockets_relay.py PORT broadcast|gather

The two ways its documentation has for this ("Broadcasting messages"): broadcast() writes to all without
waiting, and is the fast one; gathering a send() for each waits for the slowest. Without compression.
"""

import asyncio
import sys

import websockets

PORT, WAY = int(sys.argv[1]), sys.argv[2]
everybody = set()


async def send(reader, text):
    try:
        await reader.send(text)
    except websockets.ConnectionClosed:
        pass


async def serve(connection):
    everybody.add(connection)
    try:
        async for text in connection:
            if WAY == "broadcast":
                websockets.broadcast(everybody, text)
            else:
                await asyncio.gather(*[send(reader, text) for reader in everybody])
    except websockets.ConnectionClosed:
        pass
    finally:
        everybody.discard(connection)


async def main():
    async with websockets.serve(serve, "127.0.0.1", PORT, compression=None, ping_interval=None, backlog=4096):
        await asyncio.Future()


asyncio.run(main())
