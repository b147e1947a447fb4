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
