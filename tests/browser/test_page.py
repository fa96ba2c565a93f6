"""The browser client as people use it."""

import signal

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from clients import NO_LIMIT, Json, V1, wait_until


def test_two_people_and_a_program_talk_in_one_room(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    bob = person(running, "bob", size=(390, 844)).wait_online()
    program = Json(running.port())
    ann.say("Hello Bob!")
    bob.wait_texts(["Hello Bob!"])
    bob.say("Two lines\n<b>no html</b> & ünïcödé 👍")
    ann.wait(lambda: len(ann.texts()) == 2)
    program.say(sender="robot", content="beep")
    expected = [("ann", "Hello Bob!"), ("bob", "Two lines\n<b>no html</b> & ünïcödé 👍"), ("robot", "beep")]
    for one in (ann, bob):
        one.wait_texts([text for _, text in expected])
        assert one.messages() == expected


def test_a_taken_name_is_said_and_can_be_changed(server, person):
    running = server(*NO_LIMIT)
    person(running, "ann").wait_online()
    other = person(running, "Ann")
    other.wait(lambda: "bad" in other.find("#name-problem").get_attribute("class"))
    assert other.find("#name-problem").text
    other.find("#name").clear()
    other.find("#name").send_keys("anna")
    other.find("#name-form button").click()
    other.wait_online()
    other.wait(lambda: other.find("#me").text == "You are anna")


def test_unread_messages_are_counted_where_nobody_looks(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    ann.enter("ops")
    writer = V1(running.port())
    writer.hello(name="writer")
    writer.join("lobby")
    for number in range(3):
        writer.ask("message", room="lobby", content=str(number))
    ann.wait(lambda: ann.driver.title.startswith("(3)"))
    ann.click_room("# lobby")
    ann.wait_texts(["0", "1", "2"])
    ann.wait(lambda: not ann.driver.title.startswith("("))


def test_nothing_is_lost_or_twice_when_the_server_is_killed(server, person):
    first = server(*NO_LIMIT, keeps_port=True)
    ann = person(first, "ann").wait_online()
    bob = person(first, "bob").wait_online()
    ann.say("before")
    bob.wait_texts(["before"])
    first.kill()
    ann.wait_offline()
    ann.say("written while it was away")
    second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{first.port()}",))
    ann.wait_online()
    bob.wait_online()
    bob.say("after")
    for one in (ann, bob):
        one.wait_texts(["before", "written while it was away", "after"])
    history = V1(second.port())
    history.hello()
    items = history.ask("history", room="lobby")["items"]
    assert [item["content"] for item in items] == ["before", "written while it was away", "after"]


def test_a_long_room_is_read_to_its_beginning_a_window_at_a_time(server, person):
    running = server(*NO_LIMIT)
    writer = V1(running.port())
    writer.hello(name="writer")
    for number in range(700):
        writer.ask("message", room="lobby", content=f"message {number}")
    ann = person(running, "ann").wait_online()
    ann.wait(lambda: ann.texts()[-1:] == ["message 699"])
    top = "message 600"
    while top != "message 0":
        texts = ann.texts()
        numbers = [int(text.split()[1]) for text in texts]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "a hole, or not in order"
        assert len(texts) <= 240 and top in texts, "what was on the screen is still there"
        top = texts[0]
        ann.driver.execute_script("document.getElementById('log').scrollTop = 0")
        ann.wait(lambda: ann.texts()[0] != top or top == "message 0")
    ann.find("#down").click()
    ann.wait(lambda: ann.texts()[-1:] == ["message 699"])


def test_what_is_read_stays_where_it_is_when_messages_come(server, person):
    running = server(*NO_LIMIT)
    writer = V1(running.port())
    writer.hello(name="writer")
    for number in range(200):
        writer.ask("message", room="lobby", content=f"message {number}")
    ann = person(running, "ann").wait_online()
    ann.wait(lambda: ann.texts()[-1:] == ["message 199"])
    ann.driver.execute_script("document.getElementById('log').scrollTop -= 1500")
    ann.wait(lambda: ann.find("#down").is_displayed())
    place = """const log = document.getElementById("log"), top = log.getBoundingClientRect().top;
        const row = [...log.querySelectorAll("article")].find((one) => one.getBoundingClientRect().bottom > top);
        return [row.textContent, Math.round(row.getBoundingClientRect().top)];"""
    before = ann.driver.execute_script(place)
    for number in range(200, 220):
        writer.ask("message", room="lobby", content=f"message {number}")
    ann.wait(lambda: ann.texts()[-1:] == ["message 219"])
    assert ann.driver.execute_script(place) == before


def test_the_rate_limit_is_said_beside_the_message_which_can_be_sent_again(server, person, tmp_path):
    (tmp_path / "banter.conf").write_text("rate_per_minute = 2\n")
    running = server("--config", str(tmp_path / "banter.conf"))
    ann = person(running, "ann").wait_online()
    for text in ("one", "two", "three"):
        ann.say(text)
    ann.wait(lambda: ann.all("#log article.failed"))
    failed = ann.find("#log article.failed")
    assert "Rate limit exceeded" in failed.text and "three" in failed.text
    (tmp_path / "banter.conf").write_text("rate_per_minute = 0\n")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "Configuration read again" in running.log())
    failed.find_element(By.XPATH, ".//button[text()='Try again']").click()
    ann.wait(lambda: not ann.all("#log article.failed"))
    ann.wait_texts(["one", "two", "three"])


def test_messages_are_edited_deleted_answered_and_reacted_to(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    bob = person(running, "bob").wait_online()
    ann.say("the first")
    ann.say("the secnd")
    bob.wait_texts(["the first", "the secnd"])
    ann.wait(lambda: len(ann.all("#log article:not(.waiting)")) == 2)
    ann.find("#text").send_keys(Keys.ARROW_UP)
    assert ann.find("#text").get_attribute("value") == "the secnd"
    ann.find("#text").clear()
    ann.say("the second")
    bob.wait_texts(["the first", "the second"])
    assert "(edited)" in bob.find("#log article:last-of-type").text
    bob.tool("the first", "Reply")
    assert "Replying to ann" in bob.find("#context").text
    bob.say("an answer")
    ann.wait(lambda: ann.shown("#log .quote") == ["ann the first"])
    ann.tool("an answer", "React with 👍")
    bob.wait(lambda: bob.shown("#log .reactions button") == ["👍 1"])
    bob.find("#log .reactions button").click()
    ann.wait(lambda: ann.shown("#log .reactions button") == ["👍 2"])
    ann.tool("the first", "Delete")
    ann.find("#confirm-yes").click()
    bob.wait_texts(["deleted", "the second", "an answer"])
    for one in (ann, bob):
        one.driver.refresh()
        one.wait_texts(["deleted", "the second", "an answer"])
        one.wait(lambda: one.shown("#log .reactions button") == ["👍 2"])


def test_a_direct_conversation_begins_from_the_list_of_people(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    bob = person(running, "bob").wait_online()
    ann.wait(lambda: ann.find("#count").text == "2 here")
    ann.find("#count").click()
    ann.wait(lambda: ann.shown("#people-list button span") == ["ann", "bob"])
    ann.find("#people-list li:last-child button").click()
    ann.wait(lambda: ann.find("#room-name").text == "@ bob")
    ann.say("psst")
    bob.wait(lambda: bob.driver.title.startswith("(1)"))
    bob.click_room("@ ann")
    bob.wait_texts(["psst"])
    bob.say("yes?")
    ann.wait_texts(["psst", "yes?"])
    ann.driver.refresh()
    ann.wait_texts(["psst", "yes?"])


def test_words_are_found_and_lead_to_where_they_were_said(server, person):
    running = server(*NO_LIMIT)
    writer = V1(running.port())
    writer.hello(name="writer")
    for number in range(300):
        writer.ask("message", room="ops", content=f"incident {number}" + (" of the mainframe" if number == 7 else ""))
    ann = person(running, "ann").wait_online()
    ann.find("#find").click()
    ann.find("#search-words").send_keys("mainframe", Keys.ENTER)
    ann.wait(lambda: len(ann.all("#search-list li")) == 1)
    ann.find("#search-list button").click()
    found = ann.wait(lambda: ann.all("#log article.found"))  # it is marked for some seconds only
    assert "incident 7 of the mainframe" in found[0].text
    assert ann.find("#room-name").text == "# ops"


def test_names_and_emoji_are_completed_and_text_is_never_html(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    bob = person(running, "bob").wait_online()
    ann.wait(lambda: ann.find("#count").text == "2 here")
    ann.find("#count").click()
    ann.wait(lambda: len(ann.all("#people-list button")) == 2)
    ann.find("#text").send_keys("@bo")
    ann.wait(lambda: ann.shown("#offers li") == ["@bob"])
    ann.find("#text").send_keys(Keys.TAB, ":tad")
    ann.wait(lambda: len(ann.all("#offers li")) == 1)
    ann.find("#text").send_keys(Keys.TAB, "<img src=x onerror=alert(1)> `a<b` https://example.org/x).", Keys.ENTER)
    bob.wait(lambda: bob.texts())
    assert bob.texts() == ["@bob 🎉 <img src=x onerror=alert(1)> a<b https://example.org/x)."]
    assert bob.find("#log .mention.me").text == "@bob"
    assert bob.find("#log a").get_attribute("href") == "https://example.org/x"
    assert not bob.all("#log img")


def test_rooms_are_remembered_and_what_is_unread_is_marked(server, person):
    running = server(*NO_LIMIT)
    ann = person(running, "ann").wait_online()
    ann.enter("ops")
    ann.say("here")
    ann.wait_texts(["here"])
    ann.click_room("# lobby")
    writer = V1(running.port())
    writer.hello(name="writer")
    writer.ask("message", room="ops", content="look at this")
    ann.wait(lambda: ann.shown("#nav .badge") == ["1"])
    ann.click_room("# ops")
    ann.wait_texts(["here", "look at this"])
    ann.wait(lambda: ann.shown("#log .new") == ["New"])
    ann.driver.refresh()
    ann.wait_online()
    ann.wait_texts(["here", "look at this"])
    ann.wait(lambda: sorted(ann.shown("#nav li button")) == ["# lobby", "# ops"])


def test_keys_lead_from_room_to_room(server, person):
    ann = person(server(*NO_LIMIT), "ann").wait_online()
    ann.find("#text").send_keys(Keys.CONTROL, "k")
    ann.find("#chooser-words").send_keys("ops")
    ann.wait(lambda: ann.shown("#chooser-list li span") == ["# ops"])
    ann.find("#chooser-words").send_keys(Keys.ENTER)
    ann.wait(lambda: ann.find("#room-name").text == "# ops")
    ann.find("#text").send_keys(Keys.ALT, Keys.ARROW_UP)
    ann.wait(lambda: ann.find("#room-name").text == "# lobby")


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(server, person, width):
    running = server(*NO_LIMIT)
    ann = person(running, "ann" + "n" * 60, size=(width, 700))
    ann.say("w" * 500 + " " + "https://example.org/" + "x" * 300)
    ann.say("```\n" + "c" * 400 + "\n```\n")
    ann.wait(lambda: len(ann.texts()) == 2)
    assert ann.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert ann.driver.execute_script("const log = document.getElementById('log'); return log.scrollWidth <= log.clientWidth")


def test_on_a_phone_the_list_of_rooms_is_closed_by_a_tap_beside_it(server, person):
    ann = person(server(*NO_LIMIT), "ann", size=(500, 800)).wait_online()
    ann.find("#menu").click()
    ann.wait(lambda: ann.find("#room-list button").is_displayed())
    ann.driver.execute_script("document.elementFromPoint(innerWidth - 10, innerHeight - 40).click()")
    ann.wait(lambda: not ann.find("#room-list button").is_displayed())
    assert ann.find("#menu").get_attribute("aria-expanded") == "false"
