"""A stream of events as Chromium's own EventSource reads it."""

import pytest

from clients import NO_LIMIT, V1

OPEN = """
window.heard = [];
window.stream = new EventSource("/sse?" + arguments[0]);
window.stream.onmessage = (event) => window.heard.push(Number(JSON.parse(event.data).content));
window.stream.addEventListener("gap", (event) => window.heard.push("gap"));
"""


def publish(port, numbers):
    writer = V1(port)
    writer.hello()
    for number in numbers:
        writer.ask("message", room="ops", content=str(number))


@pytest.mark.parametrize("query", ["room=ops", "room=ops&room=dev"])
def test_it_comes_back_by_itself_and_goes_on_where_it_was(server, person, query):
    first = server(*NO_LIMIT, keeps_port=True)
    ann = person(first, "ann").wait_online()

    def heard():
        return ann.driver.execute_script("return window.heard")

    ann.driver.execute_script(OPEN, query)
    ann.wait(lambda: ann.driver.execute_script("return window.stream.readyState") == 1)
    publish(first.port(), range(3))
    ann.wait(lambda: heard() == [0, 1, 2])
    first.kill()
    ann.wait_offline()
    second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{first.port()}",))
    publish(second.port(), range(3, 6))
    ann.wait(lambda: heard() == [0, 1, 2, 3, 4, 5])
    ann.driver.execute_script("window.stream.close()")
    ann.wait_online()
