import re

import pytest

from adapters.in_memory import InMemoryClock
from application.accounts.sign_in_codes import SignInCodes
from domain.errors import InvalidToken


@pytest.fixture
def clock() -> InMemoryClock:
    return InMemoryClock()


@pytest.fixture
def codes(clock: InMemoryClock) -> SignInCodes:
    return SignInCodes(clock=clock, lifetime_s=600)


def test_a_code_is_short_and_works_once(codes: SignInCodes) -> None:
    code = codes.issue("the token")
    assert re.fullmatch(r"[a-z2-9]{5}-[a-z2-9]{5}", code)
    assert codes.redeem(code) == "the token"
    with pytest.raises(InvalidToken):
        codes.redeem(code)


def test_a_code_may_be_typed_with_capitals_hyphens_and_spaces(codes: SignInCodes) -> None:
    assert codes.redeem(f" {codes.issue('the token').upper().replace('-', ' ')}\n") == "the token"


def test_a_code_expires(codes: SignInCodes, clock: InMemoryClock) -> None:
    code = codes.issue("the token")
    clock.advance(600)
    with pytest.raises(InvalidToken, match="expired"):
        codes.redeem(code)


def test_a_new_code_replaces_the_old_one(codes: SignInCodes) -> None:
    old, new = codes.issue("old"), codes.issue("new")
    with pytest.raises(InvalidToken):
        codes.redeem(old)
    assert codes.redeem(new) == "new"


def test_wrong_guesses_do_not_invalidate_the_code(codes: SignInCodes) -> None:
    code = codes.issue("the token")
    for guess in ("", "ä\ud800", "aaaaa-aaaaa") * 10:
        with pytest.raises(InvalidToken):
            codes.redeem(guess)
    assert codes.redeem(code) == "the token"


def test_a_code_that_is_given_back_works_again_until_it_expires(
    codes: SignInCodes, clock: InMemoryClock
) -> None:
    code = codes.issue("the token")
    for _ in range(2):
        codes.redeem(code)
        codes.give_back(code)
    clock.advance(600)
    with pytest.raises(InvalidToken, match="expired"):
        codes.redeem(code)


def test_nothing_is_redeemed_without_a_code(codes: SignInCodes) -> None:
    for guess in ("", "aaaaa-aaaaa"):
        with pytest.raises(InvalidToken):
            codes.redeem(guess)


def test_no_two_codes_are_the_same(codes: SignInCodes) -> None:
    assert len({codes.issue("the token") for _ in range(1000)}) == 1000
