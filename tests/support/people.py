"""Somebody who uses the page: types, clicks, reads."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60
# What Chromium says by itself when a server goes away or a page is offline; everything else is an error of the page.
EXPECTED = ("WebSocket connection to",)


class Person:
    def __init__(self, driver, server, name, room=""):
        self.driver = driver
        driver.get(f"http://127.0.0.1:{server.port()}/{'#' + room if room else ''}")
        self.wait(lambda: self.find("#name").is_displayed())
        self.find("#name").send_keys(name)
        self.find("#name-form button").click()

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector):
        """The texts of all these elements, at one moment."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        return self.driver.execute_script(script, selector)

    def wait(self, condition):
        return WebDriverWait(self.driver, SECONDS, poll_frequency=0.05).until(lambda _: condition())

    def wait_online(self):
        self.wait(lambda: self.find("#state").text == "Connected")
        return self

    def wait_offline(self):
        self.wait(lambda: self.find("#state").text.startswith(("Connection lost", "Connecting")))

    def say(self, text):
        # Put in as a paste is: the driver cannot type what lies outside the basic plane.
        self.driver.execute_script("arguments[0].value = arguments[1]", self.find("#text"), text)
        self.find("#text").send_keys(Keys.ENTER)

    def enter(self, room):
        self.find("#join-room").send_keys(room, Keys.ENTER)
        self.wait(lambda: self.find("#room-name").text == f"# {room}")

    def click_room(self, title):
        self.driver.find_element(By.XPATH, f"//nav//li/button[span[1]='{title}']").click()
        self.wait(lambda: self.find("#room-name").text == title)

    def tool(self, text, title):
        """Uses a button of the message with this text; they are seen while the pointer is over it."""
        script = """const row = [...document.querySelectorAll("#log article")].find(
                (one) => one.querySelector("p").textContent === arguments[0]);
            [...row.querySelectorAll(".tools button")].find((one) => one.title === arguments[1]).click();"""
        self.driver.execute_script(script, text, title)

    def messages(self):
        """(sender, text) of all messages on the page that are stored."""
        script = """let who = "";
            return [...document.querySelectorAll("#log article:not(.waiting)")].map((article) => {
              who = article.querySelector(".who")?.textContent ?? who;
              return [who, article.querySelector("p").textContent];
            });"""
        return [tuple(message) for message in self.driver.execute_script(script)]

    def texts(self):
        return [text for _, text in self.messages()]

    def wait_texts(self, expected):
        try:
            self.wait(lambda: self.texts() == expected)
        finally:
            assert self.texts() == expected

    def console(self):
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if not any(text in entry["message"] for text in EXPECTED)]
