"""A user's history: listing, filtering, exporting, erasing, and access by others."""

import codecs
import csv
import io
from datetime import UTC, datetime

import pytest

from adapters.in_memory import fake_image
from application.errors import StoreUnavailable
from domain.emotion import Emotion
from tests.integration.http.service import PHOTO

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def links(answer):
    found = {}
    for part in answer.headers["Link"].split(", "):
        target, relation = part.split("; rel=")
        found[relation.strip('"')] = target.strip("<>")
    return found


async def fill(service, client, count):
    """Store images one second apart; returns their ids, newest first."""
    ids: list[str] = []
    for number in range(count):
        ids.insert(0, await service.stored(client, name=f"photo-{number}.jpg"))
        service.clock.advance(1)
    return ids


async def test_an_empty_history_is_an_empty_array(service):
    alice = await service.signed_in()
    answer = await alice.get("/api/history")
    assert answer.status_code == 200
    assert answer.json() == []
    assert answer.headers["X-Total-Count"] == "0"


async def test_the_history_lists_what_detect_answered_newest_first(service):
    alice = await service.signed_in()
    answered = (await service.detect(alice, name="a.jpg")).json()
    service.clock.advance(60)
    await service.stored(alice, name="b.jpg")
    await service.kept(alice, answered["detection_id"])
    listed = (await alice.get("/api/history")).json()
    assert [each["filename"] for each in listed] == ["b.jpg", "a.jpg"]
    assert listed[1]["image_url"]
    assert {**listed[1], "image_url": None} == answered
    shown = await alice.get(f"/api/history/{answered['detection_id']}")
    assert {**shown.json(), "image_url": None} == answered


async def test_pages_cover_the_list_without_gap_or_overlap(service):
    alice = await service.signed_in()
    ids = await fill(service, alice, 7)
    url, seen = "/api/history?limit=3&emotion=happy", []
    while url:
        answer = await alice.get(url)
        assert answer.headers["X-Total-Count"] == "7"
        seen += [each["detection_id"] for each in answer.json()]
        url = links(answer).get("next")
    assert seen == ids


async def test_links_name_the_first_previous_next_and_last_page_with_filters(service):
    alice = await service.signed_in()
    await fill(service, alice, 7)
    answer = await alice.get("/api/history", params={"skip": 3, "limit": 2, "keyword": "photo-"})
    at = "/api/history?keyword=photo-&skip={}&limit=2"
    assert links(answer) == {
        "first": at.format(0), "prev": at.format(1), "next": at.format(5), "last": at.format(5),
    }  # fmt: skip
    first = await alice.get("/api/history?limit=10")
    assert links(first).keys() == {"first", "last"}
    beyond = await alice.get("/api/history?skip=50&limit=3")
    assert beyond.json() == []
    assert len((await alice.get(links(beyond)["prev"])).json()) > 0


async def test_the_default_page_has_ten_and_the_largest_a_hundred(service):
    alice = await service.signed_in()
    await fill(service, alice, 11)
    assert len((await alice.get("/api/history")).json()) == 10
    assert len((await alice.get("/api/history?limit=100")).json()) == 11


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("skip=-1", "skip"),
        ("skip=99999999999999999999999", "skip"),
        ("emotion=joy", "emotion"),
        ("keyword=" + "x" * 300, "keyword"),
    ],
)
async def test_a_value_out_of_range_is_400_and_names_the_field(service, query, field):
    alice = await service.signed_in()
    answer = await alice.get(f"/api/history?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert list(answer.json()["details"]["fields"]) == [field]


async def test_no_link_leads_to_an_empty_page(service):
    alice = await service.signed_in()
    await fill(service, alice, 2)
    answer = await alice.get("/api/history?skip=7&limit=5")
    for target in links(answer).values():
        assert len((await alice.get(target)).json()) > 0


async def test_an_empty_emotion_and_other_date_forms_are_accepted(service):
    alice = await service.signed_in()
    await fill(service, alice, 1)
    for query in (
        "emotion=",
        "keyword=+&emotion=+&from_date=+",
        "to_date=2999-01-01t00:00:00z",
        "to_date=+2999-01-01+",
        "to_date=2998-12-31T24:00:00Z",
        "to_date=2998-12-31T23:59:60Z",
    ):
        answer = await alice.get(f"/api/history?{query}")
        assert answer.headers["X-Total-Count"] == "1", answer.text
    answer = await alice.get("/api/history?from_date=2998-12-31T24:00:00&emotion=")
    assert answer.json() == []


@pytest.mark.parametrize("name", ["skip", "limit", "from_date", "to_date", "keyword", "emotion"])
@pytest.mark.parametrize("form", ["{}=", "{}", "{}=&"])
async def test_a_field_that_was_left_empty_is_none(service, name, form):
    alice = await service.signed_in()
    await fill(service, alice, 2)
    answer = await alice.get(f"/api/history?{form.format(name)}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) == 2


@pytest.mark.parametrize("form", ["format=", "format=&keyword=&from_date="])
async def test_an_export_whose_fields_were_left_empty_is_json(service, form):
    alice = await service.signed_in()
    await fill(service, alice, 2)
    answer = await alice.get(f"/api/history/export?{form}")
    assert len(answer.json()) == 2


async def test_an_emotion_may_begin_with_a_capital(service):
    alice = await service.signed_in()
    await service.stored(alice)
    found = await alice.get("/api/history?emotion=happy")
    written = await alice.get("/api/history?emotion=Happy")
    assert written.json() == found.json()


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "2026-11-22T25:00", "0", "2026-W"])
@pytest.mark.parametrize("field", ["from_date", "to_date"])
async def test_an_invalid_date_is_400(service, field, value):
    alice = await service.signed_in()
    answer = await alice.get("/api/history", params={field: value})
    assert answer.status_code == 400
    assert answer.json()["details"] == {"field": field}


async def test_from_date_after_to_date_is_400(service):
    alice = await service.signed_in()
    answer = await alice.get("/api/history?from_date=2026-02-01&to_date=2026-01-01")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # The image was accepted at 2026-01-01T12:00:00Z.
        ("from_date=2026-01-01&to_date=2026-01-01", 1),
        ("from_date=2026-01-02", 0),
        ("to_date=2025-12-31", 0),
        ("to_date=2026-01-01", 1),
        ("to_date=20260101", 1),
        ("to_date=20251231", 0),
        ("to_date=2026-W01-4", 1),
        ("to_date=2026W014", 1),
        ("from_date=20260101", 1),
        ("from_date=2026-01-01T12:00:00Z", 1),
        ("from_date=2026-01-01T12:00:01Z", 0),
        ("to_date=2026-01-01T12:00:00", 1),
        ("from_date=2026-01-01T13:00:00%2B01:00", 1),
        ("from_date=2026-01-01T13:00:00+01:00", 1),
        ("from_date=2026-01-01T13:00:01+01:00", 0),
        ("to_date=2026-01-01T12:59:59%2B01:00", 0),
        ("from_date=&to_date=", 1),
    ],
)
async def test_dates_are_read_by_iso_8601(service, query, found):
    alice = await service.signed_in()
    await service.stored(alice)
    assert len((await alice.get(f"/api/history?{query}")).json()) == found


async def test_keyword_and_emotion_filter(service):
    alice = await service.signed_in()
    sad = fake_image(((0, 0, 80, 80), Emotion.SAD))
    for name, image in (("Beach.jpg", PHOTO), ("rain.jpg", sad)):
        detection_id = (await service.detect(alice, image=image, name=name)).json()["detection_id"]
        await service.kept(alice, detection_id)

    async def names(**query):
        answer = await alice.get("/api/history", params=query)
        return {each["filename"] for each in answer.json()}

    assert await names(keyword="beach") == {"Beach.jpg"}
    assert await names(keyword=" beach ", emotion="happy ") == {"Beach.jpg"}
    assert await names(keyword="sad") == {"Beach.jpg", "rain.jpg"}
    assert await names(keyword="happy") == {"Beach.jpg"}
    assert await names(keyword="%") == set()
    assert await names(emotion="happy") == {"Beach.jpg"}
    assert await names(emotion="sad", keyword="rain") == {"rain.jpg"}
    assert await names(emotion="fear") == set()


async def test_an_export_as_json_is_the_whole_history(service):
    alice = await service.signed_in()
    ids = await fill(service, alice, 3)
    answer = await alice.get("/api/history/export?format=json")
    assert answer.headers["Content-Type"] == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert 'filename="emotions.json"' in answer.headers["Content-Disposition"]
    assert answer.json() == (await alice.get("/api/history")).json()
    assert [each["detection_id"] for each in answer.json()] == ids


def table(answer):
    """The rows as a spreadsheet reads them, with the byte order mark."""
    assert answer.content.startswith(codecs.BOM_UTF8)
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_an_export_as_csv_has_a_line_for_every_face(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    faceless = (await service.detect(alice, image=fake_image(), name="wall.jpg")).json()
    await service.kept(alice, faceless["detection_id"])
    answer = await alice.get("/api/history/export?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert 'filename="emotions.csv"' in answer.headers["Content-Disposition"]
    rows = table(answer)
    assert len(rows) == 3
    faces = [row for row in rows if row["detection_id"] == detection_id]
    assert [row["dominant_emotion"] for row in faces] == ["happy", "sad"]
    assert [faces[0][side] for side in ("x", "y", "width", "height")] == ["10", "20", "100", "120"]
    assert sum(float(faces[0][emotion.value]) for emotion in Emotion) == pytest.approx(1)
    (empty,) = (row for row in rows if row["filename"] == "wall.jpg")
    assert empty["face"] == empty["dominant_emotion"] == ""


@pytest.mark.parametrize(
    "name",
    ["=1+2.jpg", "+cmd|'calc'!A0", "-2.jpg", "@SUM(A1).jpg", "x;=1+1.jpg", "x; =1.jpg", "＝1.jpg"],
)
async def test_no_cell_of_an_export_is_a_formula(service, name):
    alice = await service.signed_in()
    await service.stored(alice, name=name)
    answer = await alice.get("/api/history/export?format=csv")
    # Where the decimal separator is a comma, cells are separated by semicolons.
    for separator in (",", ";"):
        for line in answer.content.decode("utf-8-sig").splitlines():
            cells = line.replace('"', "").split(separator)
            assert not [cell for cell in cells if cell.strip()[:1] in tuple("=+-@＝＋－＠") if cell]


async def test_every_cell_of_an_export_is_quoted_and_the_name_is_kept(service):
    alice = await service.signed_in()
    await service.stored(alice, name="Éric, été.jpg")
    answer = await alice.get("/api/history/export?format=csv")
    assert {row["filename"] for row in table(answer)} == {"Éric, été.jpg"}
    for line in answer.content.decode("utf-8-sig").splitlines():
        assert line.startswith('"')
        assert line.endswith('"')
        assert len(line.split('","')) == 26


async def test_an_empty_export_is_valid(service):
    alice = await service.signed_in()
    assert (await alice.get("/api/history/export?format=json")).json() == []
    answer = await alice.get("/api/history/export?format=csv")
    assert table(answer) == []
    assert answer.content.decode("utf-8-sig").startswith('"detection_id",')


async def test_an_export_can_be_filtered(service):
    alice = await service.signed_in()
    await fill(service, alice, 3)
    answer = await alice.get("/api/history/export?format=json&keyword=photo-1")
    assert [each["filename"] for each in answer.json()] == ["photo-1.jpg"]


async def test_an_export_in_another_format_is_400(service):
    alice = await service.signed_in()
    answer = await alice.get("/api/history/export?format=xml")
    assert answer.status_code == 400
    assert list(answer.json()["details"]["fields"]) == ["format"]


async def test_deleting_a_record_erases_its_image(service):
    alice = await service.signed_in()
    gone, stays = await service.stored(alice), await service.stored(alice)
    answer = await alice.delete(f"/api/history/{gone}")
    assert answer.status_code == 204
    assert answer.content == b""
    assert (await alice.get(f"/api/history/{gone}")).status_code == 404
    assert (await alice.get(f"/api/images/{gone}")).status_code == 404
    assert (await alice.delete(f"/api/history/{gone}")).status_code == 404
    assert (await alice.get(f"/api/images/{stays}")).status_code == 200


async def test_deleting_all_erases_only_this_users_records(service):
    alice, bob = await service.signed_in(), await service.signed_in("bob@example.com")
    ids, bobs = await fill(service, alice, 3), await service.stored(bob)
    answer = await alice.delete("/api/history")
    assert answer.status_code == 200
    assert answer.json() == {"deleted": 3}
    assert (await alice.get("/api/history")).json() == []
    for detection_id in ids:
        assert (await alice.get(f"/api/images/{detection_id}")).status_code == 404
    assert (await bob.get(f"/api/images/{bobs}")).status_code == 200
    assert (await alice.delete("/api/history")).json() == {"deleted": 0}


@pytest.mark.parametrize("ending", ["/", "//", "/%2F", "/?", "%2f"])
async def test_deleting_without_an_id_deletes_nothing(service, ending):
    alice = await service.signed_in()
    await service.stored(alice)
    answer = await alice.delete(f"/api/history{ending}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert len((await alice.get("/api/history")).json()) == 1


@pytest.mark.parametrize(
    ("query", "field"), [("to_date=2000-01-01&emotion=happy", "to_date"), ("keyword=", "keyword")]
)
async def test_deleting_all_takes_no_filters(service, query, field):
    alice = await service.signed_in()
    await service.stored(alice)
    answer = await alice.delete(f"/api/history?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["details"] == {"field": field}
    assert field in answer.json()["detail"]
    assert len((await alice.get("/api/history")).json()) == 1


@pytest.mark.parametrize("body", ['{"ids": ["1"]}', '["1"]', '{"ids": []}', "[]", "ids=1"])
async def test_deleting_all_takes_no_selection_in_a_body(service, body):
    alice = await service.signed_in()
    await service.stored(alice)
    answer = await alice.request("DELETE", "/api/history", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert len((await alice.get("/api/history")).json()) == 1


@pytest.mark.parametrize("body", ["{}", "null"])
async def test_deleting_all_takes_a_body_that_says_nothing(service, body):
    alice = await service.signed_in()
    await service.stored(alice)
    answer = await alice.request("DELETE", "/api/history", content=body)
    assert answer.json() == {"deleted": 1}


async def test_other_users_cannot_read_list_or_delete(service):
    alice, bob = await service.signed_in(), await service.signed_in("bob@example.com")
    detection_id = await service.stored(alice)
    path = f"/api/history/{detection_id}"
    for answer in (await bob.get(path), await bob.delete(path)):
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"
    assert (await bob.get(f"/api/images/{detection_id}")).status_code == 404
    assert (await bob.get("/api/history")).json() == []
    assert (await bob.get("/api/history/export")).json() == []
    assert (await bob.delete("/api/history")).json() == {"deleted": 0}
    assert (await alice.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/api/history/", "/api/images/", "/api/detect/status/"])
async def test_an_unknown_record_is_404(service, path):
    alice = await service.signed_in()
    for name in (UNKNOWN, "not-an-id", "..%2f..%2fetc"):
        answer = await alice.get(path + name)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


async def test_a_history_that_does_not_answer_is_503_on_every_call(service):
    alice = await service.signed_in()
    detection_id = await service.stored(alice)
    service.repository.fail_with(StoreUnavailable("the history does not answer", retry_after_s=9))
    for answer in (
        await alice.get("/api/history"),
        await alice.get(f"/api/history/{detection_id}"),
        await alice.delete(f"/api/history/{detection_id}"),
        await alice.get("/api/history/export?format=csv"),
        await alice.delete("/api/history"),
    ):
        assert answer.status_code == 503
        assert answer.json()["code"] == "store_unavailable"
        assert answer.headers["Retry-After"] == "9"
        assert "Content-Disposition" not in answer.headers


async def test_the_owner_gets_the_image_as_it_was_uploaded(service):
    alice = await service.signed_in()
    png = fake_image(media_type="image/png")
    answer = await service.detect(alice, image=png)
    detection_id = answer.json()["detection_id"]
    await service.kept(alice, detection_id)
    url = (await alice.get(f"/api/history/{detection_id}")).json()["image_url"]
    image = await alice.get(url)
    assert image.content == png
    assert image.headers["Content-Type"] == "image/png"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in image.headers["Cache-Control"]
    head = await alice.head(url)
    assert head.status_code == 200
    assert head.content == b""


async def test_an_unchanged_image_is_304_for_its_owner_only(service):
    alice, bob = await service.signed_in(), await service.signed_in("bob@example.com")
    url = f"/api/images/{await service.stored(alice)}"
    etag = (await alice.get(url)).headers["ETag"]
    for held in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = await alice.get(url, headers={"If-None-Match": held})
        assert answer.status_code == 304
        assert answer.content == b""
        assert answer.headers["ETag"] == etag
    assert (await alice.get(url, headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await bob.get(url, headers={"If-None-Match": etag})).status_code == 404
    guest = await service.client()
    assert (await guest.get(url, headers={"If-None-Match": etag})).status_code == 401


async def test_timestamps_have_a_time_zone(service):
    alice = await service.signed_in()
    await service.stored(alice)
    (shown,) = (await alice.get("/api/history")).json()
    moment = datetime.fromisoformat(shown["timestamp"])
    assert moment == datetime(2026, 1, 1, 12, tzinfo=UTC)
