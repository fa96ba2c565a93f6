"""The browser client as people use it."""

from clients import NO_LIMIT, Json, V1


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
    assert not ann.driver.title.startswith("(")


def test_nothing_is_lost_or_twice_when_the_server_is_killed(server, person):
    first = server(*NO_LIMIT)
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


def test_older_messages_load_while_scrolling_up_and_the_place_is_kept(server, person):
    running = server(*NO_LIMIT)
    writer = V1(running.port())
    writer.hello(name="writer")
    for number in range(350):
        writer.ask("message", room="lobby", content=f"message {number}")
    ann = person(running, "ann").wait_online()
    ann.wait(lambda: ann.texts()[-1:] == ["message 349"])
    assert len(ann.texts()) == 100
    ann.driver.execute_script("document.getElementById('log').scrollTop = 0")
    ann.wait(lambda: len(ann.texts()) >= 200)
    assert ann.driver.execute_script("return document.getElementById('log').scrollTop") > 1000
    while ann.texts()[0] != "message 0":
        seen = len(ann.texts())
        ann.driver.execute_script("document.getElementById('log').scrollTop = 0")
        ann.wait(lambda: len(ann.texts()) > seen)
    assert ann.texts() == [f"message {number}" for number in range(350)]


def test_the_rate_limit_is_said_beside_the_message(server, person):
    ann = person(server("--set", "rate_per_minute=2"), "ann").wait_online()
    for text in ("one", "two", "three"):
        ann.say(text)
    ann.wait(lambda: ann.find("#problem").is_displayed())
    assert "Rate limit exceeded" in ann.find("#problem").text
    assert "Rate limit exceeded" in ann.find("#log article.failed").text
