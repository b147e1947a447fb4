from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.in_memory import InMemoryClock
from application.accounts.links import LinkSignature, LinkSigner
from application.ports.clock import Clock
from domain.errors import InvalidLink

PATH = "/api/images/1"
SECRET = "0123456789abcdef-secret-of-the-tests"


def made_by(clock: Clock, secret: str = SECRET) -> LinkSigner:
    return LinkSigner(secret=secret, clock=clock, lifetime_s=3600)


@pytest.fixture
def clock() -> InMemoryClock:
    return InMemoryClock()


@pytest.fixture
def signer(clock: InMemoryClock) -> LinkSigner:
    return made_by(clock)


def test_a_link_opens_its_path_until_it_expires(signer: LinkSigner, clock: InMemoryClock) -> None:
    signature = signer.sign(PATH)
    signer.check(PATH, signature)
    clock.advance(3598)
    signer.check(PATH, signature)
    clock.advance(2)
    with pytest.raises(InvalidLink, match="expired"):
        signer.check(PATH, signature)
    signer.check(PATH, signer.sign(PATH))


def test_a_link_stays_the_same_for_a_tenth_of_its_life(
    signer: LinkSigner, clock: InMemoryClock
) -> None:
    """So browsers need not load an image again, nor start a video over."""
    first = signer.sign(PATH)
    clock.advance(359)
    assert signer.sign(PATH) == first
    clock.advance(3600 - 2 * 359)
    signer.check(PATH, first)
    assert signer.sign(PATH) != first
    signer.check(PATH, signer.sign(PATH))


def test_links_of_a_few_seconds_are_not_shortened(clock: InMemoryClock) -> None:
    signer = LinkSigner(secret=SECRET, clock=clock, lifetime_s=2)
    for _ in range(4):
        assert int(signer.sign(PATH).expires) == clock.now().timestamp() + 2
        clock.advance(1)


def test_a_link_opens_no_other_path(signer: LinkSigner) -> None:
    signature = signer.sign(PATH)
    for other in ("/api/images/2", PATH + "/", "", "/api/images/1\n"):
        with pytest.raises(InvalidLink):
            signer.check(other, signature)


def test_a_link_cannot_be_extended_or_forged(signer: LinkSigner) -> None:
    signature = signer.sign(PATH)
    later = str(int(signature.expires) + 1)
    for changed in (
        replace(signature, expires=later),
        replace(signature, expires="0" + signature.expires),
        replace(signature, value=""),
        replace(signature, value=signature.value + "="),
        replace(signature, value=signature.value[:-1]),
        replace(signature, value="ä\ud800"),
    ):
        with pytest.raises(InvalidLink):
            signer.check(PATH, changed)


def test_links_signed_with_another_secret_are_refused(clock: InMemoryClock) -> None:
    foreign = made_by(clock, "another-secret-0123456789abcdef0123456789").sign(PATH)
    with pytest.raises(InvalidLink):
        made_by(clock).check(PATH, foreign)


def test_a_secret_that_is_too_short_is_refused(clock: InMemoryClock) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        made_by(clock, "short")


@given(st.text(), st.text(), st.text())
def test_arbitrary_signatures_are_refused(path: str, expires: str, value: str) -> None:
    with pytest.raises(InvalidLink):
        made_by(InMemoryClock()).check(path, LinkSignature(expires, value))
