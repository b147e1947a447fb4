import pytest

from entrypoints.settings.server import allowed_origins


def test_a_local_page_may_call_under_each_name_of_localhost() -> None:
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert set(allowed_origins([f"http://{name}:4200"])) == {
            "http://localhost:4200", "http://127.0.0.1:4200", "http://[::1]:4200"
        }  # fmt: skip
    assert "https://127.0.0.1" in allowed_origins(["https://localhost"])


def test_other_pages_may_call_only_if_listed() -> None:
    listed = ("https://app.example.com", "http://localhost.example.com:8080", "http://10.0.0.1")
    assert allowed_origins(listed) == listed


def test_the_apps_made_of_web_pages_may_call_if_listed() -> None:
    listed = (
        "capacitor://localhost.app",
        "chrome-extension://abcdefgh",
        "app://desk",
        "exp://10.0.0.1:8081",
    )
    assert allowed_origins(listed) == listed
    assert "tauri://localhost" in allowed_origins(["tauri://localhost"])


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80/", "http://app.example.com"),
        ("https://app.example.com:80", "https://app.example.com:80"),
        ("HTTPS://App.Example.com", "https://app.example.com"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_origins_are_compared_as_browsers_send_them(written: str, sent: str) -> None:
    assert allowed_origins([written]) == (sent,)


@pytest.mark.parametrize(
    "written",
    [
        "*", "null", "file://", "localhost:3000", "https://*", "https://*.example.com",
        "http://localhost:*", "https://a.example/page", "https://a.example?page",
        "https://user@a.example", "http://a.example;http://b.example", "http://a.example:99999", "",
    ],
)  # fmt: skip
def test_what_is_no_single_origin_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="list full origins"):
        allowed_origins([written])
