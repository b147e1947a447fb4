"""In which order waiting connections and requests are served."""

from entrypoints.server.pacing import FairQueue


def order(queue: FairQueue[str]) -> list[str]:
    return [queue.pop() for _ in range(len(queue))]


def test_addresses_take_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("many 1", "many 2", "many 3"):
        queue.push(name, "192.0.2.1")
    queue.push("one", "192.0.2.2")
    assert order(queue) == ["many 1", "one", "many 2", "many 3"]


def test_behind_one_address_users_take_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("many 1", "many 2", "many 3"):
        queue.push(name, "proxy", "token of the first")
    queue.push("one", "proxy", "token of the second")
    assert order(queue) == ["many 1", "one", "many 2", "many 3"]


def test_made_up_tokens_delay_nobody_at_another_address() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(50):
        queue.push(f"made up {number}", "192.0.2.1", f"token {number}")
    queue.push("one", "192.0.2.2", "a token")
    queue.push("two", "192.0.2.2", "a token")
    waiting = order(queue)
    assert (waiting.index("one"), waiting.index("two")) == (1, 3)


def test_those_without_a_token_take_turns_with_the_others() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("guest 1", "guest 2", "guest 3"):
        queue.push(name, "proxy")
    queue.push("user", "proxy", "a token")
    assert order(queue) == ["guest 1", "user", "guest 2", "guest 3"]


def test_senders_that_come_back_at_once_do_not_hold_up_another() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in ("many 1", "many 2", "many 3"):
        queue.push(name, "192.0.2.1", "a token")
    queue.push("first", "192.0.2.2")
    queue.push("second", "192.0.2.3")
    served = []
    for _ in range(9):
        served.append(name := queue.pop())
        if name == "first":
            queue.push("first", "192.0.2.2")
        if name == "second":
            queue.push("second", "192.0.2.3")
    assert served == [
        "many 1",
        "first",
        "second",
        "many 2",
        "first",
        "second",
        "many 3",
        "first",
        "second",
    ]


def test_new_senders_without_end_do_not_hold_up_the_second_request_of_another() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("first", "192.0.2.1")
    queue.push("second", "192.0.2.1")
    served = []
    for number in range(5000):
        queue.push("new", f"network {number}", f"token {number}")
        served.append(queue.pop())
    assert "second" in served
