"""Signing in at the page."""

from accounts import Accounts
from clients import NO_LIMIT

PASSWORD = "horse Battery:5taple"


def open_house(server, *flags):
    running = server(*NO_LIMIT, *flags)
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)
    return running, accounts


def wait_refused(one, words):
    one.wait(lambda: words in one.find("#name-problem").text)
    assert one.find("#name-dialog").get_attribute("open") is not None


def sign_in(one, name, secret, stay=False):
    one.wait(lambda: one.find("#password").is_displayed())
    one.find("#name").clear()
    one.find("#name").send_keys(name)
    one.find("#password").send_keys(secret)
    if stay:
        one.find("#stay").click()
    one.find("#name-submit").click()


def stored(one):
    """What a script on the page could read of what is kept."""
    return one.driver.execute_script("return JSON.stringify([{...sessionStorage}, {...localStorage}])")


def test_a_name_with_an_account_asks_for_its_password(server, person):
    running, _ = open_house(server)
    ann = person(running, "ann")
    wait_refused(ann, "has an account")
    sign_in(ann, "ann", "a wrong guess")
    wait_refused(ann, "Wrong name or password")
    sign_in(ann, "ann", PASSWORD)
    ann.wait_online()
    ann.wait(lambda: ann.find("#me").text == "You are ann")
    ann.say("it is me")
    ann.wait(lambda: ann.messages() == [("ann", "it is me")])
    assert PASSWORD not in stored(ann) and "bt_" in stored(ann)
    ann.driver.refresh()
    ann.wait_online()
    ann.wait(lambda: ann.find("#me").text == "You are ann")


def test_who_is_asked_for_a_password_may_be_somebody_else(server, person):
    running, _ = open_house(server)
    guest = person(running, "ann")
    wait_refused(guest, "has an account")
    guest.find("#sign-in").click()
    guest.find("#name").clear()
    guest.find("#name").send_keys("zak")
    guest.find("#name-submit").click()
    guest.wait_online()
    guest.wait(lambda: guest.find("#me").text == "You are zak")


def test_a_guest_who_guesses_wrong_goes_on_as_a_guest(server, person):
    running, _ = open_house(server)
    guest = person(running, "zak").wait_online()
    guest.find("#me").click()
    guest.find("#sign-in").click()
    sign_in(guest, "ann", "a wrong guess")
    wait_refused(guest, "Wrong name or password")
    guest.driver.refresh()
    guest.wait_online()
    guest.wait(lambda: guest.find("#me").text == "You are zak")


def test_a_token_lets_in_without_a_name(server, person):
    running, accounts = open_house(server)
    ann = person(running, "zak").wait_online()
    ann.find("#me").click()
    ann.find("#sign-in").click()
    sign_in(ann, "", accounts.give_token("ann"))
    ann.wait(lambda: ann.find("#me").text == "You are ann")


def test_signing_out_forgets_who_it_was(server, person):
    running, _ = open_house(server)
    ann = person(running, "ann")
    sign_in(ann, "ann", PASSWORD, stay=True)
    ann.wait_online()
    assert "bt_" in ann.driver.execute_script("return localStorage.getItem('session')")
    ann.find("#me").click()
    ann.find("#sign-out").click()
    ann.wait(lambda: ann.find("#name-dialog").get_attribute("open") is not None and not ann.find("#name").get_attribute("value"))
    assert not any(word in stored(ann) for word in ("bt_", "ann", PASSWORD))


def test_whoever_is_signed_out_by_the_operator_is_asked_again(server, person):
    running, accounts = open_house(server)
    ann = person(running, "ann")
    sign_in(ann, "ann", PASSWORD)
    ann.wait_online()
    accounts.set_password("ann", "the next one")
    wait_refused(ann, "signed out")
    sign_in(ann, "ann", "the next one")
    ann.wait_online()
    ann.wait(lambda: ann.find("#me").text == "You are ann")


def test_where_everybody_has_to_sign_in_a_guest_is_asked_to(server, person):
    running, _ = open_house(server, "--set", "auth=required")
    one = person(running, "zak")
    one.wait(lambda: one.find("#password").is_displayed())
    sign_in(one, "ann", PASSWORD)
    one.wait_online()
    one.wait(lambda: one.find("#me").text == "You are ann")
