from entrypoints.wire.origins import allowed_origins


def test_a_page_on_this_machine_may_call_under_each_of_its_names() -> None:
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert set(allowed_origins([f"http://{name}:4200"])) == {
            "http://localhost:4200", "http://127.0.0.1:4200", "http://[::1]:4200"
        }  # fmt: skip
    assert "https://127.0.0.1" in allowed_origins(["https://localhost"])


def test_any_other_page_may_call_only_as_listed() -> None:
    listed = ("https://app.example.com", "http://localhost.example.com:8080", "http://10.0.0.1")
    assert allowed_origins(listed) == listed
