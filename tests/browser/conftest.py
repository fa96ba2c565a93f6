"""People in front of Chromium. Each `person(...)` has a browser profile of their own and must end with an empty console."""

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from people import Person

ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-quic"
).split()


def _start(size):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_argument("--window-size=%d,%d" % size)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


@pytest.fixture
def person():
    people = []

    def open_page(server, name, size=(1280, 800), room=""):
        driver = _start(size)
        people.append(Person(driver, server, name, room))
        return people[-1]

    yield open_page
    consoles = [one.console() for one in people]
    for one in people:
        one.driver.quit()
    assert consoles == [[] for _ in people]
