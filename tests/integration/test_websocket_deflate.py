"""permessage-deflate (RFC 7692): what is offered, what is answered, and messages that use it."""

import random
import zlib

import pytest

from raw_websocket import (
    BINARY, CONTINUATION, FIN, MASK, PING, RSV1, RSV2, TEXT,
    Connection, deflate, fragments, frame, header,
)  # fmt: skip

MAX_MESSAGE = 16777216
FLAGS = (
    "--set", f"max_message={MAX_MESSAGE}", "--set", "stream_window=268435456",
    "--set", "history=memory", "--set", "rate_per_minute=0",
)  # fmt: skip
BOTH = {"server_no_context_takeover", "client_no_context_takeover"}
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"


@pytest.fixture(scope="module")
def hub(module_server):
    return module_server(*FLAGS)


@pytest.fixture
def connection(hub):
    with Connection(hub.port(), offer="permessage-deflate; client_max_window_bits") as opened:
        assert opened.extensions
        yield opened


def json_text(length):
    line = b'{"AutobahnPython": "0.6.0", "key": "value %d", "list": [1, 2, 3], "text": "caf\xc3\xa9"}\n'
    text = b"".join(line % (i * 7919 % 1000) for i in range(length // 70 + 1))
    return text[:length].decode(errors="ignore").encode().ljust(length)


def accepted(connection):
    """The parameters of the answer."""
    name, *parameters = [part.strip() for part in connection.extensions.split(";")]
    assert name == "permessage-deflate"
    assert len(parameters) == len(set(parameters))
    return set(parameters)


# What is answered to which offer


def test_without_an_offer_nothing_is_answered(hub):
    with Connection(hub.port()) as connection:
        assert connection.extensions is None


@pytest.mark.parametrize("offer", [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=8",
    "permessage-deflate; client_max_window_bits=9",
    'permessage-deflate; client_max_window_bits="15"',
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate;server_no_context_takeover;client_no_context_takeover;client_max_window_bits",
    "permessage-deflate; server_max_window_bits=8, permessage-deflate",
    "permessage-deflate; unknown, permessage-deflate; client_max_window_bits",
    "x-webkit-deflate-frame, permessage-deflate",
    'other; quoted="a, b; c", permessage-deflate',
    ["permessage-bzip2", "permessage-deflate"],
    ["permessage-deflate; server_max_window_bits=8", "permessage-deflate; client_max_window_bits"],
])  # fmt: skip
def test_an_offer_is_accepted_without_context_takeover(hub, offer):
    with Connection(hub.port(), offer=offer) as connection:
        assert accepted(connection) >= BOTH
        assert not any(p.startswith("server_max_window_bits") for p in accepted(connection))
        connection.send(FIN | RSV1 | TEXT, HELLO)
        connection.expect(TEXT, b"Hello")


@pytest.mark.parametrize("extra", ["", "; client_max_window_bits", "; client_max_window_bits=10"])
@pytest.mark.parametrize("bits", range(9, 16))
def test_a_window_is_confirmed_and_kept_to(hub, bits, extra):
    offer = f"permessage-deflate; server_max_window_bits={bits}{extra}"
    with Connection(hub.port(), offer=offer) as connection:
        assert accepted(connection) >= BOTH | {f"server_max_window_bits={bits}"}
        for length in (16, 500, 5000, 70000, 131072):
            message = json_text(length)
            connection.send(FIN | RSV1 | TEXT, deflate(message))
            connection.expect(TEXT, message)


@pytest.mark.parametrize("offer", [
    "permessage-deflate; server_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=0",
    "permessage-deflate; server_max_window_bits=-9",
    "permessage-deflate; server_max_window_bits=010",
    "permessage-deflate; server_max_window_bits=ten",
    "permessage-deflate; server_max_window_bits=",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
    "permessage-deflate; client_max_window_bits=7",
    "permessage-deflate; client_max_window_bits=16",
    "permessage-deflate; client_max_window_bits=08",
    "permessage-deflate; client_max_window_bits; client_max_window_bits",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; unknown",
    "permessage-deflate; unknown=1",
    "permessage-deflate; server_max_window_bits=10; unknown",
    "permessage-snappy",
    "x-webkit-deflate-frame",
])  # fmt: skip
def test_an_offer_that_cannot_be_met_is_declined(hub, offer):
    with Connection(hub.port(), offer=offer) as connection:
        assert connection.extensions is None
        connection.send(FIN | TEXT, b"plain")
        connection.expect(TEXT, b"plain")
        connection.send(FIN | RSV1 | TEXT, HELLO)
        connection.expect_close(1002)


# Messages


@pytest.mark.parametrize("length", [0, 1, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072])
@pytest.mark.parametrize("size", [None, 256], ids=["whole", "fragments"])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_a_compressed_message_is_echoed(connection, opcode, length, size):
    message = json_text(length)
    payload = deflate(message)
    connection.send_raw(fragments(opcode, payload, size or len(payload), RSV1))
    connection.expect(opcode, message)


@pytest.mark.parametrize("length", [1 << 20, 4 << 20, 16 << 20])
def test_a_large_compressed_message_is_echoed(connection, length):
    message = json_text(length)
    connection.send_raw(fragments(TEXT, deflate(message), 4096, RSV1))
    connection.expect(TEXT, message)


@pytest.mark.parametrize("bits", range(9, 16))
@pytest.mark.parametrize("level", [0, 1, 9])
def test_any_way_of_compressing_is_read(connection, bits, level):
    message = json_text(40000)
    connection.send(FIN | RSV1 | TEXT, deflate(message, bits, level))
    connection.expect(TEXT, message)


@pytest.mark.parametrize("strategy", [zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED, zlib.Z_RLE, zlib.Z_FILTERED])
def test_any_strategy_of_compressing_is_read(connection, strategy):
    message = json_text(40000)
    connection.send(FIN | RSV1 | TEXT, deflate(message, strategy=strategy))
    connection.expect(TEXT, message)


@pytest.mark.parametrize("length", [100, 65536, 1 << 20, MAX_MESSAGE])
@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED])
def test_what_grows_in_compression_is_echoed(connection, length, strategy):
    message = random.Random(length).randbytes(length)
    connection.send(FIN | RSV1 | BINARY, deflate(message, strategy=strategy))
    connection.expect(BINARY, message)


@pytest.mark.parametrize("payload,message", [
    (HELLO, b"Hello"),
    (b"\x00\x05\x00\xfa\xffHello\x00", b"Hello"),
    (b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", b"Hello"),
    (b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", b"Hello"),
    (b"\x00", b""),
    (b"\x00\x00\x00\xff\xff\x00", b""),
])  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_examples_of_the_rfc_are_read(connection, payload, message, size):
    connection.send_raw(fragments(TEXT, payload, size, RSV1))
    connection.expect(TEXT, message)


def test_messages_may_be_compressed_or_not_as_they_come(connection):
    for i in range(20):
        message = json_text(100 + i)
        connection.send(FIN | TEXT | (RSV1 if i % 2 else 0), deflate(message) if i % 2 else message)
        connection.expect(TEXT, message)


def test_a_message_without_rsv1_is_not_inflated(connection):
    connection.send(FIN | BINARY, HELLO)
    connection.expect(BINARY, HELLO)


def test_an_empty_last_fragment_ends_a_compressed_message(connection):
    connection.send_raw(frame(RSV1 | TEXT, HELLO) + frame(FIN | PING, b"p") + frame(FIN | CONTINUATION))
    connection.expect_pong(b"p")
    connection.expect(TEXT, b"Hello")


def test_readers_with_and_without_compression_see_the_same(hub):
    offers = [None, "permessage-deflate"] + [f"permessage-deflate; server_max_window_bits={n}" for n in range(9, 16)]
    readers = [Connection(hub.port(), offer=offer) for offer in offers]
    for sender in readers:
        message = json_text(3000)
        sender.send(FIN | TEXT, message)
        for reader in readers:
            reader.expect(TEXT, message)
    for reader in readers:
        reader.socket.close()


# What must fail


@pytest.mark.parametrize("bits", [RSV1 | RSV2, RSV2])
def test_other_reserved_bits_stay_reserved(connection, bits):
    connection.send(FIN | bits | TEXT, HELLO)
    connection.expect_close(1002)


@pytest.mark.parametrize("opcode", [8, 9, 10])
def test_rsv1_on_a_control_frame_fails(connection, opcode):
    connection.send(FIN | RSV1 | opcode)
    connection.expect_close(1002)


@pytest.mark.parametrize("begun", [RSV1 | BINARY, BINARY])
def test_rsv1_on_a_continuation_fails(connection, begun):
    connection.send_raw(frame(begun, HELLO[:3]) + frame(FIN | RSV1, HELLO[3:]))
    connection.expect_close(1002)


@pytest.mark.parametrize("payload", [b"\x07", b"\xff\xff\xff\xff", b"\x00\x05\x00\x00\x00Hello\x00", HELLO[:-1], b"plain text"])
def test_what_is_no_deflate_stream_fails(connection, payload):
    connection.send(FIN | RSV1 | TEXT, payload)
    connection.expect_close(1002, 1007)


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", "κόσμε".encode()[:-1], b"ok " * 1000 + b"\xc0"])
@pytest.mark.parametrize("size", [None, 1])
def test_compressed_text_that_is_not_utf8_fails(connection, text, size):
    payload = deflate(text)
    connection.send_raw(fragments(TEXT, payload, size or len(payload), RSV1))
    connection.expect_close(1007)


def test_compressed_binary_may_be_anything(connection):
    connection.send(FIN | RSV1 | BINARY, deflate(b"\xff\xfe"))
    connection.expect(BINARY, b"\xff\xfe")


@pytest.mark.parametrize("length", [MAX_MESSAGE + 1, 8 * MAX_MESSAGE])
def test_a_bomb_fails_without_going_off(hub, connection, length):
    before = hub.resident_bytes()
    connection.send_raw(fragments(BINARY, deflate(bytes(length)), 4096, RSV1))
    connection.expect_close(1009)
    assert hub.resident_bytes() - before < 4 * MAX_MESSAGE


def test_a_compressed_frame_too_large_fails_at_its_header(connection):
    connection.send_raw(header(FIN | RSV1 | BINARY, 2 * MAX_MESSAGE) + MASK)
    connection.expect_close(1009)
