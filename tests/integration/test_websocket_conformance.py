"""RFC 6455 as the raw text protocol shows it, which echoes each message to its sender. Grouped as Autobahn's test suite
groups its cases: framing, pings, reserved bits, opcodes, fragmentation, UTF-8, close, limits."""

import pytest

from raw_websocket import (
    BINARY, CLOSE, CONTINUATION, FIN, MASK, PING, PONG, TEXT,
    Connection, close_payload, fragments, frame, header,
)  # fmt: skip

MAX_MESSAGE = 16777216
FLAGS = (
    "--set", f"max_message={MAX_MESSAGE}", "--set", "stream_window=268435456",
    "--set", "history=memory", "--set", "rate_per_minute=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def hub(module_server):
    return module_server(*FLAGS)


@pytest.fixture
def connection(hub):
    with Connection(hub.port()) as opened:
        yield opened


def content(opcode, length):
    if opcode == BINARY:
        return (bytes(range(256)) * (length // 256 + 1))[:length]
    return ("Häagen-Dazs 我 🍦 ".encode() * (length // 24 + 1))[:length].decode(errors="ignore").encode().ljust(length)


# Framing

LENGTHS = [0, 1, 7, 8, 9, 125, 126, 127, 128, 1000, 65535, 65536, 65537]


@pytest.mark.parametrize("chop", [None, 1, 997], ids=["whole", "by1", "by997"])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_every_length_is_echoed(connection, opcode, length, chop):
    if chop == 1 and length > 1000:
        chop = 31
    connection.send_raw(frame(FIN | opcode, content(opcode, length)), chop)
    connection.expect(opcode, content(opcode, length))
    connection.close()


@pytest.mark.parametrize("mask", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x01\x00\x00\x80"])
def test_any_mask_is_taken(connection, mask):
    connection.send_raw(frame(FIN | TEXT, b"masked somehow", mask))
    connection.expect(TEXT, b"masked somehow")


@pytest.mark.parametrize("size,length", [(2, 0), (2, 5), (2, 125), (8, 5), (8, 126), (8, 65535)])
def test_a_length_longer_than_needed_fails(connection, size, length):
    connection.send_raw(header(FIN | TEXT, length, size=size) + MASK + bytes(length))
    connection.expect_close(1002)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1])
def test_a_length_with_its_top_bit_set_fails(connection, length):
    connection.send_raw(header(FIN | BINARY, length) + MASK)
    connection.expect_close(1002)


@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, TEXT, FIN | PING, FIN | PONG, FIN | CLOSE])
@pytest.mark.parametrize("payload", [b"", b"ab"])
def test_an_unmasked_frame_fails(connection, first, payload):
    connection.send_raw(header(first, len(payload), masked=0) + payload)
    connection.expect_close(1002)


def test_frames_in_the_same_packet_as_the_handshake_are_read(hub):
    early = b"".join(frame(FIN | TEXT, b"%d" % i) for i in range(500))
    with Connection(hub.port(), early=early) as connection:
        for i in range(500):
            connection.expect(TEXT, b"%d" % i)


# Pings and pongs


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
@pytest.mark.parametrize("payload", [b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
def test_a_ping_is_answered_with_its_payload(connection, payload, chop):
    connection.send_raw(frame(FIN | PING, payload), chop)
    connection.expect_pong(payload)
    connection.close()


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
def test_many_pings_are_answered_in_order(connection, chop):
    connection.send_raw(b"".join(frame(FIN | PING, b"payload-%d" % i) for i in range(10)), chop)
    for i in range(10):
        connection.expect_pong(b"payload-%d" % i)


@pytest.mark.parametrize("payload", [b"", b"unsolicited", b"\xff" * 125])
def test_a_pong_is_not_answered(connection, payload):
    connection.send(FIN | PONG, payload)
    connection.expect_alive()


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize("length", [126, 65536])
def test_a_control_frame_over_125_bytes_fails(connection, opcode, length):
    connection.send_raw(header(FIN | opcode, length) + MASK + bytes(200))
    connection.expect_close(1002)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8"])
def test_a_fragmented_control_frame_fails(connection, opcode, payload):
    connection.send(opcode, payload)
    connection.expect_close(1002)


# Reserved bits and opcodes


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, TEXT, FIN | PING, FIN | PONG, FIN | CLOSE])
def test_a_reserved_bit_fails(connection, first, rsv):
    connection.send(first | rsv << 4, b"")
    connection.expect_close(1002)


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
@pytest.mark.parametrize("rsv", range(1, 8))
def test_what_came_before_a_reserved_bit_is_still_echoed(connection, rsv, chop):
    connection.send_raw(frame(FIN | TEXT, b"before") + frame(FIN | TEXT | rsv << 4, b"after"), chop)
    connection.expect(TEXT, b"before")
    connection.expect_close(1002)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"unknown"])
def test_a_reserved_opcode_fails(connection, opcode, payload):
    connection.send_raw(frame(FIN | TEXT, b"before") + frame(FIN | opcode, payload) + frame(FIN | PING))
    connection.expect(TEXT, b"before")
    connection.expect_close(1002)


# Fragmentation


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
@pytest.mark.parametrize("parts", [["frag", "ment"], ["", "ment"], ["frag", ""], ["", "", ""], list("fragments")])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_fragments_make_one_message(connection, opcode, parts, chop):
    for i, part in enumerate(parts):
        first = (opcode if i == 0 else CONTINUATION) | (FIN if i + 1 == len(parts) else 0)
        connection.send_raw(frame(first, part.encode()), chop)
    connection.expect(opcode, "".join(parts).encode())
    connection.expect_alive()


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
def test_pings_between_fragments_are_answered_at_once(connection, chop):
    connection.send_raw(frame(TEXT, b"one ") + frame(FIN | PING, b"first"), chop)
    connection.expect_pong(b"first")
    connection.send_raw(frame(CONTINUATION, b"two ") + frame(FIN | PONG) + frame(FIN | PING, b"second"), chop)
    connection.expect_pong(b"second")
    connection.send_raw(frame(FIN | CONTINUATION, b"three"), chop)
    connection.expect(TEXT, b"one two three")


@pytest.mark.parametrize("first", [FIN | CONTINUATION, CONTINUATION])
@pytest.mark.parametrize("payload", [b"", b"continued"])
def test_a_continuation_of_nothing_fails(connection, first, payload):
    connection.send(first, payload)
    connection.expect_close(1002)


def test_a_continuation_after_the_last_fragment_fails(connection):
    connection.send_raw(frame(TEXT, b"a") + frame(FIN, b"b") + frame(FIN, b"c"))
    connection.expect(TEXT, b"ab")
    connection.expect_close(1002)


@pytest.mark.parametrize("second", [TEXT, FIN | TEXT, BINARY, FIN | BINARY])
@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_a_message_inside_another_fails(connection, first, second):
    connection.send_raw(frame(first, b"begun") + frame(second, b"too early"))
    connection.expect_close(1002)


def test_a_close_between_fragments_closes(connection):
    connection.send_raw(frame(TEXT, b"half") + frame(FIN | CLOSE, close_payload(1000)))
    connection.expect_close(1000)


# UTF-8


VALID = [
    "ce ba e1 bd b9 cf 83 ce bc ce b5", "00", "7f", "c2 80", "df bf", "e0 a0 80", "ef bf bf", "ef bf bd", "ed 9f bf",
    "ee 80 80", "f0 90 80 80", "f4 8f bf bf", "ef bf be", "f0 9f bf be", "f0 9f bf bf", "f3 af bf be", "f4 8f bf be",
    "ef b7 90", "e2 80 a8", "ef bb bf 61", "61 00 62", "f0 9f 91 a9 e2 80 8d f0 9f 92 bb",
]  # fmt: skip
INVALID = [
    # past U+10FFFF, and the forms of five and six bytes
    "f4 90 80 80", "f5 80 80 80", "f7 bf bf bf", "f8 88 80 80 80", "fb bf bf bf bf", "fc 84 80 80 80 80",
    "fd bf bf bf bf bf", "fe", "ff", "fe fe ff ff",
    # continuation bytes without a start
    "80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf 80 bf", "61 80", "c3 a9 80",
    # starts without a continuation
    "c2 20", "c3 28", "df 20", "e0 20", "ef 20", "f0 20", "f4 20", "e2 28 a1", "e2 82 28", "f0 28 8c bc", "f0 90 28 bc",
    "f0 28 8c 28", "e2 82 e2 82 ac",
    # cut short at the end
    "c2", "df", "e0 a0", "ef bf", "f0 90 80", "f4 8f bf", "ce ba e1 bd", "f0 9f",
    # overlong
    "c0 80", "c0 af", "c1 bf", "e0 80 80", "e0 80 af", "e0 9f bf", "f0 80 80 80", "f0 80 80 af", "f0 8f bf bf",
    "f8 80 80 80 af", "f8 87 bf bf bf", "fc 80 80 80 80 af", "fc 83 bf bf bf bf",
    # surrogates
    "ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf", "ed a0 80 ed b0 80",
    "ed af bf ed bf bf", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64",
]  # fmt: skip


@pytest.mark.parametrize("size", [1000, 1, 3], ids=["whole", "by1", "by3"])
@pytest.mark.parametrize("text", VALID)
def test_valid_text_is_echoed(connection, text, size):
    connection.send_raw(fragments(TEXT, bytes.fromhex(text), size))
    connection.expect(TEXT, bytes.fromhex(text))


@pytest.mark.parametrize("size", [1000, 1], ids=["whole", "by1"])
@pytest.mark.parametrize("text", INVALID)
def test_invalid_text_fails(connection, text, size):
    connection.send_raw(fragments(TEXT, bytes.fromhex(text), size))
    connection.expect_close(1007)


@pytest.mark.parametrize("text", ["ff fe", "c0 80", "ed a0 80"])
def test_binary_may_be_anything(connection, text):
    connection.send(FIN | BINARY, bytes.fromhex(text))
    connection.expect(BINARY, bytes.fromhex(text))


START = "κόσμε".encode()


@pytest.mark.parametrize("wrong", ["f4 90", "ed a0", "c0", "ff", "e0 80", "61 80"])
def test_text_fails_at_its_first_wrong_byte(connection, wrong):
    """The rest of the frame never comes."""
    text = START + bytes.fromhex(wrong)
    whole = frame(FIN | TEXT, text + b"and a rest")
    connection.send_raw(whole[: 6 + len(text) - 1])
    connection.send_raw(whole[6 + len(text) - 1 : 6 + len(text)])
    connection.expect_close(1007)


@pytest.mark.parametrize("wrong", ["f4 90", "ed a0", "c0", "ff", "e0 80", "61 80"])
def test_text_fails_in_its_first_wrong_fragment(connection, wrong):
    """The message never ends. Up to the wrong byte nothing is wrong: a ping in between is answered."""
    text = bytes.fromhex(wrong)
    connection.send_raw(frame(TEXT, START + text[:-1]))
    connection.expect_alive()
    connection.send_raw(frame(CONTINUATION, text[-1:]))
    connection.expect_close(1007)


# Close


@pytest.mark.parametrize("chop", [None, 1], ids=["whole", "by1"])
@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                                  3000, 3999, 4000, 4999])  # fmt: skip
def test_a_valid_close_code_is_answered(connection, code, chop):
    connection.send_raw(frame(FIN | CLOSE, close_payload(code, b"going")), chop)
    connection.expect_close(code)


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
@pytest.mark.parametrize("reason", [b"", b"why"])
def test_an_invalid_close_code_fails(connection, code, reason):
    connection.send(FIN | CLOSE, close_payload(code, reason))
    connection.expect_close(1002)


def test_an_empty_close_is_answered(connection):
    connection.send(FIN | CLOSE)
    connection.expect_close(None, 1000)


def test_a_close_of_one_byte_fails(connection):
    connection.send(FIN | CLOSE, b"\x03")
    connection.expect_close(1002)


def test_a_close_reason_may_have_123_bytes(connection):
    connection.send(FIN | CLOSE, close_payload(1000, b"*" * 123))
    connection.expect_close(1000)


@pytest.mark.parametrize("reason", ["ce", "ed a0 80", "ff", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80"])
def test_a_close_reason_that_is_not_utf8_fails(connection, reason):
    connection.send(FIN | CLOSE, close_payload(1000, bytes.fromhex(reason)))
    connection.expect_close(1007)


@pytest.mark.parametrize("late", [frame(FIN | TEXT, b"late"), frame(FIN | PING, b"late"), frame(FIN | CLOSE),
                                  frame(FIN | 7), b"\xff" * 50000])  # fmt: skip
def test_what_follows_a_close_is_ignored(connection, late):
    connection.send_raw(frame(FIN | CLOSE, close_payload(1000)) + late)
    connection.expect_close(1000)


def test_messages_before_a_close_are_echoed_first(connection):
    connection.send_raw(b"".join(frame(FIN | TEXT, b"%d" % i) for i in range(50)) + frame(FIN | CLOSE))
    for i in range(50):
        connection.expect(TEXT, b"%d" % i)
    connection.expect_close(None, 1000)


# Limits

KIB, MIB = 1024, 1024 * 1024


@pytest.mark.parametrize("length", [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_a_large_message_is_echoed(connection, opcode, length):
    message = content(opcode, length)
    connection.send(FIN | opcode, message)
    connection.expect(opcode, message)


@pytest.mark.parametrize("size", [64, 256, 1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_a_large_message_in_fragments_is_echoed(connection, opcode, size):
    message = content(opcode, 4 * MIB)
    connection.send_raw(fragments(opcode, message, size))
    connection.expect(opcode, message)


def test_the_largest_message_in_the_smallest_fragments_is_echoed(connection):
    message = content(TEXT, MAX_MESSAGE)
    connection.send_raw(fragments(TEXT, message, 64))
    connection.expect(TEXT, message)


@pytest.mark.parametrize("chop", [64, 128, 256, 512, 1024, 2048])
def test_a_large_message_in_small_writes_is_echoed(connection, chop):
    message = content(TEXT, MIB)
    connection.send_raw(frame(FIN | TEXT, message), chop)
    connection.expect(TEXT, message)


@pytest.mark.parametrize("length", [0, 16, 64, 256, 1 * KIB, 4 * KIB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_many_messages_are_echoed_one_after_the_other(connection, opcode, length):
    message = content(opcode, length)
    for _ in range(200):
        connection.send(FIN | opcode, message)
        connection.expect(opcode, message)


@pytest.mark.parametrize("length", [MAX_MESSAGE + 1, 1 << 30, 1 << 40, (1 << 63) - 1])
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, TEXT, BINARY])
def test_a_message_too_large_fails_at_its_header(connection, first, length):
    connection.send_raw(header(first, length) + MASK)
    connection.expect_close(1009)


def test_fragments_together_too_large_fail_at_the_last_header(connection):
    connection.send(BINARY, bytes(MAX_MESSAGE - 1000))
    connection.expect_alive()
    connection.send_raw(header(FIN | CONTINUATION, 1001) + MASK)
    connection.expect_close(1009)


def test_headers_of_large_messages_cost_no_memory(hub):
    before = hub.resident_bytes()
    connections = [Connection(hub.port()) for _ in range(50)]
    for connection in connections:
        connection.send_raw(header(FIN | BINARY, MAX_MESSAGE) + MASK + b"just the start")
    with Connection(hub.port()) as last:
        last.expect_alive()
    assert hub.resident_bytes() - before < 50 * MIB
    for connection in connections:
        connection.socket.close()
