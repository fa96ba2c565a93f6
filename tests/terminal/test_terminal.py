"""banter chat on a terminal: what is on the screen while people talk, and that it is theirs again afterwards."""

import json
import os
import re
import signal
import time
import unicodedata
import urllib.request

import pytest

from accounts import Accounts
from binaries import BANTER, ROOT
from clients import wait_until

NO_LIMIT = ("--set", "rate_per_minute=0")


def publish(server, room, content, **members):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port()}/r/{room}",
        data=json.dumps({"content": content, **members}).encode(),
        headers={"Content-Type": "application/json"},
    )
    return json.load(urllib.request.urlopen(request))["seq"]


def read(server, room):
    """Every message of a room, as HTTP tells them."""
    url = f"http://127.0.0.1:{server.port()}/r/{room}?after=0&limit=100"
    return [item["content"] for item in json.load(urllib.request.urlopen(url))["items"] if item["type"] == "message"]


def wait_stored(server, room, messages):
    """What somebody has said is on their own screen before it is stored."""
    wait_until(lambda: len(read(server, room)) >= len(messages))
    assert read(server, room) == messages


def width(line):
    """Columns of a line without marks and controls."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


def ann_and_bob(running, person, **terminal):
    """Two people who see each other in the lobby."""
    ann = person(running, "ann", **terminal)
    ann.see("● ann", "1 here")
    bob = person(running, "bob", **terminal)
    bob.see("● bob")
    ann.see("→ bob", "2 here")
    return ann, bob


def test_two_people_talk_and_see_each_other(server, person):
    running = server(*NO_LIMIT)
    ann, bob = ann_and_bob(running, person, size=(100, 24))
    ann.say("shall we deploy?")
    bob.see("ann │ shall we deploy?")
    bob.say("yes, ann: now")
    ann.see("bob │ yes, ann: now")
    bob.say("/me waits")
    ann.see("* │ bob waits")
    bob.press("C-c", "C-c")
    bob.see("ended with 0")
    ann.see("← bob", "1 here")


def test_what_happens_elsewhere_is_counted_and_named(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    ann.say("/join ops")
    ann.see(" 2 ops", " ops  ")
    bob = person(running, "bob")
    bob.see("● bob")
    bob.say("one")
    bob.say("two")
    bob.say("/msg ann psst")
    ann.see("1 lobby        2 ", "3 @bob         1 ")
    ann.press("M-a")
    ann.see("bob │ psst")
    ann.press("M-1")
    ann.wait(lambda screen: re.search(" new .*bob │ one.*bob │ two", screen, re.S), "what is new below a line")
    ann.press("M-3")
    ann.say("what?")
    bob.see("ann │ what?")


def test_a_conversation_goes_on_under_another_name(server, person):
    running = server(*NO_LIMIT)
    ann, bob = ann_and_bob(running, person)
    ann.say("/msg bob one")
    ann.see("ann │ one")
    ann.say("/nick annie")
    ann.see("you are annie now", "● annie")
    ann.say("two")
    ann.see("annie │ two")
    bob.press("M-2")
    bob.see("annie │ two")
    bob.say("three")
    ann.wait(lambda screen: "bob │ three" in screen and "2 @bob" in screen and "3 @" not in screen, "one conversation")


def test_messages_are_edited_deleted_answered_and_reacted_to(server, person):
    running = server(*NO_LIMIT)
    ann, bob = ann_and_bob(running, person)
    ann.say("the fisrt")
    bob.see("the fisrt")
    ann.say("/edit the first")
    bob.see("the first (edited)")
    bob.say("/react :tada:")
    ann.see("🎉 1")
    bob.say("/reply really?")
    ann.see("↩ ann: the first", "really?")
    ann.say("second")
    bob.see("second")
    ann.say("/delete")
    ann.see("Delete this message? y/n")
    ann.type("y")
    bob.see("this message was deleted")
    ann.press("M-s")
    ann.type("r")
    ann.see("reply to bob: really?")
    ann.say("yes")
    bob.see("↩ bob: really?", "yes")


def test_the_screen_folds_and_reflows_with_its_size(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", size=(110, 30))
    ann.see("● ann", "1 here")
    ann.say("a text that has to be wrapped on screens as narrow as forty columns")
    ann.see("ann │ a text that has to be wrapped on screens as")
    ann.resize(80, 24)
    ann.wait(lambda s: " 1 here\n" not in s.split("\n", 1)[1] and "1 lobby" in s, "rooms but no people")
    ann.resize(40, 10)
    ann.wait(lambda screen: "● ann │ lobby" in screen and "1 lobby" not in screen, "no sides")
    screen = ann.see("ann: a text that has to be wrapped")
    assert len(screen.rstrip("\n").split("\n")) <= 10 and all(width(line) <= 40 for line in screen.split("\n"))
    ann.resize(20, 4)
    ann.resize(3, 2)
    ann.resize(1, 1)
    ann.resize(110, 30)
    ann.see("1 lobby", "ann │ a text that has to be wrapped on screens as")
    ann.press("M-r")
    ann.see_not("1 lobby")
    ann.press("M-r")
    ann.see("1 lobby")


def test_pasting_several_lines_is_asked_about(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    ann.paste("one\ntwo\nthree\n")
    ann.see("Paste 3 lines? y: send them, n: no, e: edit them first")
    ann.type("n")
    ann.see_not("Paste 3 lines?")
    ann.paste("one\ntwo\nthree\n")
    ann.see("Paste 3 lines?")
    ann.type("e")
    ann.see("› one\n  two\n  three")
    ann.press("C-c")
    ann.paste("first\nlast")
    ann.see("Paste 2 lines?")
    ann.type("y")
    ann.see("ann │ first")
    ann.paste("only one line")
    ann.see("› only one line")
    ann.press("Enter")
    ann.see("ann │ only one line")
    wait_stored(running, "lobby", ["first\nlast", "only one line"])


def test_history_is_read_to_the_beginning_and_stays_in_place(server, person):
    running = server(*NO_LIMIT)
    for number in range(1, 351):
        publish(running, "lobby", f"message {number}.", sender="cron")
    ann = person(running, "ann")
    ann.see("message 350.", "message 340.")
    deadline = time.monotonic() + 20
    while "message 1." not in ann.screen():
        assert time.monotonic() < deadline, ann.screen()
        ann.press("PageUp")
    screen = ann.see("─ the beginning ─", *(f"message {number}." for number in range(1, 13)), "more below")
    publish(running, "lobby", "something new", sender="cron")
    ann.see("↓ 1 new below")

    def log(screen):
        return {row: line[18:] for row, line in enumerate(screen.split("\n")) if re.search(r"message (\d|1[012])\.", line)}

    ann.wait(lambda after: log(after) == log(screen), "the same lines of the log")
    ann.press("Escape")
    ann.see("something new", "message 350.")


def test_searching_finds_and_jumps_to_what_is_not_here_yet(server, person):
    running = server(*NO_LIMIT)
    publish(running, "lobby", "the needle is here", sender="cron")
    for number in range(1, 301):
        publish(running, "lobby", f"hay {number}.", sender="cron")
    ann = person(running, "ann")
    ann.see("hay 300.")
    ann.say("/search needle")
    ann.see("search: needle  (here", "lobby cron: the needle is here")
    ann.press("Enter")
    ann.see("cron │ the needle is here", "hay 1.")
    ann.press("Escape", "Escape")
    ann.see("hay 300.")
    ann.say("/search nothing at all like this")
    ann.see("nothing found")


def test_a_server_that_was_killed_costs_nothing_but_time(server, person):
    first = server(*NO_LIMIT, keeps_port=True)
    port = first.port()
    ann, bob = ann_and_bob(first, person)
    ann.say("before")
    bob.see("before")
    first.kill()
    ann.see("✗ connection lost")
    ann.say("meanwhile one")
    ann.say("meanwhile two")
    ann.see("meanwhile one", "… is sent when the connection is back", "2 to send")
    second = server(*NO_LIMIT, listen=(f"ws://127.0.0.1:{port}",), folder_of=first)
    ann.see("● ann")
    bob.see("ann │ meanwhile one", "ann │ meanwhile two")
    ann.wait(lambda screen: "is sent when" not in screen and screen.count("meanwhile one") == 1, "it once, as sent")
    wait_stored(second, "lobby", ["before", "meanwhile one", "meanwhile two"])


def test_a_message_over_the_rate_waits_beside_its_reason(server, person):
    running = server("--set", "rate_per_minute=2")
    ann = person(running, "ann")
    ann.see("● ann")
    for number in (1, 2, 3):
        ann.say(f"message {number}")
    ann.see("message 3", "Rate limit exceeded; is sent in", "1 to send")


def test_what_is_refused_stays_and_can_be_sent_again(server, person):
    running = server("--set", "max_message=1000", *NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    ann.paste("x" * 2000)
    ann.press("Enter")
    ann.see("✗ not sent:", "/drop forgets it")
    ann.say("/drop")
    ann.see_not("not sent")
    ann.say("short")
    ann.see("ann │ short")


def test_a_c_locale_gets_ascii_only(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", LC_ALL="C")
    ann.see("* ann")
    publish(running, "lobby", "“naïve” — 日本 👍 …", sender="Zoë")
    screen = ann.see('Zoe | "naive" - ? ?  ?  .')
    assert screen.isascii(), screen


def test_no_colour_is_used_where_none_is_wanted(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", NO_COLOR="1")
    ann.see("● ann")
    publish(running, "lobby", "ann: https://example.org `code`", sender="bob")
    ann.see("https://example.org")
    escapes = {part.split("m")[0] for part in ann.screen(colours=True).split("\x1b[")[1:]}
    codes = {code for escape in escapes for code in escape.split(";") if code}
    assert codes <= {"0", "1", "2", "4", "7", "22", "24", "27", "39", "49"}, codes
    eve = person(running, "eve")
    eve.see("● eve")
    assert "38;5;" in eve.screen(colours=True)


def test_what_others_send_cannot_touch_the_terminal(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    publish(
        running, "lobby", "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egpj.exe\u2028end", sender="eve", title="\x1b[1mloud"
    )
    screen = ann.see("●", "�[2J", "\ufffd[1mloud", "end")
    assert "\u202e" not in screen and "\u2028" not in screen


def test_wide_joined_and_combining_characters_keep_the_columns(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", size=(100, 24))
    ann.see("1 here")
    for text in ("日本語のテキスト" * 8, "👨‍👩‍👧‍👦👍🏽🇩🇪❤️ " * 9, "z" + "\u0335" * 40 + "algo", "שלום עולם", "e\u0301" * 90):
        publish(running, "lobby", text, sender="bob")
    publish(running, "lobby", "the end", sender="bob")

    def is_straight(screen):
        """Both rules stand where they belong."""
        rules = [line.split("│") for line in screen.split("\n")[1:22]]
        return all(width(parts[0]) == 18 and width("│".join(parts[:-1])) == 83 for parts in rules)

    ann.wait(lambda screen: "the end" in screen and is_straight(screen), "straight rules beside all that was said")
    ann.see("algo", "עולם")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "quit"])
def test_the_terminal_is_restored(server, person, how):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    assert ann.mode("alternate_on") and ann.mode("mouse_any_flag")
    if how == "quit":
        ann.say("/quit")
    else:
        os.kill(ann.process(), how)
    ann.see("ended with 0")
    assert not ann.mode("alternate_on") and not ann.mode("mouse_any_flag") and ann.mode("cursor_flag")


def test_it_leaves_the_terminal_when_nobody_answers(server, person):
    running = server(*NO_LIMIT)
    running.kill()
    ann = person(running, "ann")
    screen = ann.see("error: cannot connect to 127.0.0.1", "ended with 1")
    assert "connecting" not in screen and not ann.mode("alternate_on")


def test_a_lost_connection_does_not_keep_anybody_from_leaving(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    running.kill()
    ann.see("connection lost")
    ann.say("never sent")
    ann.press("C-c", "C-c")
    ann.see("leaving, 1 to send")
    ann.press("C-c")
    ann.see("error: 1 message could not be delivered", "ended with 1")


def test_it_is_put_aside_and_comes_back(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", command="exec sh -i")
    ann.see("$")
    ann.say(f"{BANTER} chat ws://127.0.0.1:{running.port()} --name ann")
    ann.see("● ann")
    ann.press("C-z")
    ann.wait(lambda screen: "Stopped" in screen or "Suspended" in screen, "the shell")
    assert not ann.mode("alternate_on")
    publish(running, "lobby", "while you were away", sender="bob")
    ann.say("fg")
    ann.see("while you were away", "● ann")
    ann.say("back")
    ann.see("ann │ back")


def test_names_rooms_and_commands_are_completed(server, person):
    running = server(*NO_LIMIT)
    person(running, "roberta").see("● roberta")
    person(running, "robert").see("● robert")
    ann = person(running, "ann", size=(100, 24))
    ann.see("robert", "roberta", "3 here")
    ann.type("ROB")
    ann.press("Tab")
    ann.see("› robert:\n")
    ann.press("Tab")
    ann.see("› roberta:\n")
    ann.press("BTab")
    ann.see("› robert:\n")
    ann.press("C-u")
    ann.type("/to")
    ann.press("Tab")
    ann.see("› /topic\n")
    ann.say("weather in #lob")
    ann.see(" lobby  weather in #lob")
    ann.type("see #lo")
    ann.press("Tab")
    ann.see("› see #lobby\n")


def test_the_input_grows_and_each_room_keeps_its_draft(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann")
    ann.see("● ann")
    ann.type("first")
    ann.press("M-Enter")
    ann.type("second")
    ann.press("C-j")
    ann.type("third")
    ann.see("› first\n  second\n  third")
    ann.press("Enter")
    ann.see("ann │ first")
    ann.type("a draft")
    ann.press("C-a")
    ann.type("not ")
    ann.press("M-f", "C-k")
    ann.see("› not a\n")
    ann.press("C-w", "C-y", "C-e")
    ann.press("C-a", "C-k")
    ann.say("/join ops")
    ann.see(" 2 ops")
    ann.type("left here")
    ann.press("C-p")
    ann.see_not("left here")
    ann.press("C-n")
    ann.see("› left here")
    ann.press("C-c", "Up", "Up")
    ann.see("› /join ops")
    wait_stored(running, "lobby", ["first\nsecond\nthird"])


def test_the_help_tells_of_every_command_and_scrolls(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", size=(60, 12))
    ann.see("● ann")
    ann.say("/help")
    seen = ann.see("/join ROOM", "Esc: back")
    for _ in range(12):
        ann.press("PageDown")
    seen += ann.see("config")
    ann.press("q")
    ann.wait(lambda screen: "Esc: back" not in screen, "the room")


@pytest.mark.parametrize("terminal", ["vt100", "linux", "xterm", "screen", "tmux-256color"])
def test_keys_work_and_leave_no_rubbish_on_every_terminal(server, person, terminal):
    running = server(*NO_LIMIT)
    for number in range(1, 61):
        publish(running, "lobby", f"message {number}.", sender="cron")
    ann = person(running, "ann", TERM=terminal)
    ann.see("message 60.")
    ann.press("PageUp")
    ann.see("more below")
    ann.press("PageDown")
    ann.see("message 60.")
    ann.type("abc")
    ann.press("Home", "x", "End", "y", "Left", "Left", "z", "F5", "S-F7", "C-PageUp", "Delete")
    ann.see("› xabzy\n")


def test_the_mouse_scrolls_and_chooses_rooms(server, person):
    running = server(*NO_LIMIT)
    for number in range(1, 61):
        publish(running, "lobby", f"message {number}.", sender="cron")
    ann = person(running, "ann")
    ann.see("message 60.")
    ann.press("-H", "1b", "5b", "4d", "60", "3e", "25")  # the wheel, as terminals have said it since 1988
    ann.see("↓ more below")
    ann.see_not("message 60.")


def test_settings_are_read_changed_and_kept(server, person, tmp_path):
    running = server(*NO_LIMIT)
    folder = tmp_path / "ann" / "config" / "banter"
    folder.mkdir(parents=True)
    (folder / "config").write_text("# mine\nsides = none\nrooms = ops news\ntimes = off\n")
    ann = person(running, "ann")
    ann.wait(lambda screen: "● ann │ lobby" in screen and "1 lobby" not in screen, "no sides")
    ann.say("/set sides both")
    ann.see("1 lobby", "2 ops", "3 news")
    ann.say("/set sides upside")
    ann.see("! sides is one of: auto")
    ann.say("/save")
    ann.see("saved in")
    assert "sides = both" in (folder / "config").read_text()


def test_a_password_is_asked_for_and_not_shown(server, person):
    running = server(*NO_LIMIT)
    Accounts(running.data).add("ann", "correct horse")
    ann = person(running, "ann")
    ann.see("Password for ann:")
    ann.say("wrong")
    ann.see("That was wrong. Password for ann:")
    ann.type("correct horse")
    screen = ann.see("Password for ann: *************")
    assert "correct" not in screen
    ann.press("Enter")
    ann.see("● ann")
    ann.say("/quit")
    ann.see("ended with 0")
    # What was kept stands for it the next time.
    again = person(running, "again", "--name", "ann", HOME=ann.home, XDG_STATE_HOME=f"{ann.home}/state")
    again.see("● ann")


def test_who_is_put_out_reads_why(server, person):
    running = server(*NO_LIMIT)
    Accounts(running.data).add("olga", "correct horse", "--role", "owner")
    olga = person(running, "olga")
    olga.see("Password for olga:")
    olga.say("correct horse")
    olga.see("● olga")
    bob = person(running, "bob")
    bob.see("● bob")
    olga.say("/mute bob 10m too loud")
    bob.see("olga has muted bob in lobby: too loud")
    bob.say("hm?")
    bob.see("✗ not sent")
    olga.say("/kick bob spam")
    bob.see("! │ olga has kicked you from lobby: spam")
    olga.see("← bob")
    bob.say("/kick olga")
    bob.wait(lambda screen: screen.count("not allowed") + screen.count("not there") >= 2, "that he may not")


def test_the_manual_has_every_command(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann", size=(100, 60))
    ann.see("● ann")
    ann.say("/help")
    words = re.findall(r"^ +(/\w+)", ann.see("/join ROOM", "/help"), re.M)
    manual = (ROOT / "packaging/man/banter-chat.1.scd").read_text()
    assert len(words) > 30
    assert [word for word in words if f"*{word}*" not in manual] == []


def test_others_see_that_somebody_writes(server, person):
    running = server(*NO_LIMIT)
    ann, bob = ann_and_bob(running, person)
    bob.type("I am")
    ann.see("bob is writing…")
    bob.say(" here")
    ann.see("I am here")
    ann.see_not("is writing")
