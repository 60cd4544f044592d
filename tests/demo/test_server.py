"""The demo server plays what it must be able to play."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from uploadtrends import demo
from uploadtrends.demo.world import is_one_in, project_hash
from uploadtrends.simulate import Population, population

AGENT = {"User-Agent": "tests/1.0 (tests@example.org)"}
API = "/api/v1/oauth2"


@pytest.fixture(scope="module")
def people() -> Population:
    return population(
        240,
        platforms=("artstation", "deviantart", "danbooru"),
        start="2021-01-01",
        end="2022-12-31",
        deletion_hazard=0.01,
        exit_hazard=0.02,
        account_deletion=0.6,
        ai_share=0.5,
        event_date="2022-08-22",
        seed=5,
    )


@pytest.fixture(scope="module")
def server(people: Population) -> Iterator[demo.DemoServer]:
    with demo.serve(people, today="2022-12-31") as running:
        yield running


def ask(server: demo.DemoServer, host: str, path: str, **more: Any) -> requests.Response:
    headers = {"Host": host} | AGENT | more.pop("headers", {})
    method = more.pop("method", "GET")
    return requests.request(
        method, server.address + path, headers=headers, allow_redirects=False, timeout=10, **more
    )


def artstation(server: demo.DemoServer, path: str) -> requests.Response:
    return ask(server, "www.artstation.com", path)


def danbooru(server: demo.DemoServer, path: str, **more: Any) -> requests.Response:
    return ask(server, "danbooru.donmai.us", path, **more)


@pytest.fixture(scope="module")
def token(server: demo.DemoServer) -> dict[str, str]:
    pair = (demo.CLIENT_ID, demo.CLIENT_SECRET)
    form = {"grant_type": "client_credentials"}
    answer = ask(server, "www.deviantart.com", "/oauth2/token", method="POST", data=form, auth=pair)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def deviantart(
    server: demo.DemoServer, token: dict[str, str], path: str, **more: Any
) -> requests.Response:
    return ask(server, "www.deviantart.com", API + path, headers=token, **more)


def test_keys_are_one_to_one() -> None:
    assert len({project_hash(number) for number in range(200_000)}) == 200_000


# ArtStation


def test_artstation_lists_in_portfolio_order_with_odd_counts(server: demo.DemoServer) -> None:
    world = server.worlds["artstation"]
    shuffled, odd, overstated, empty_past_end = 0, 0, 0, 0
    for person in world.people.values():
        if not person.listed:
            assert artstation(server, f"/users/{person.handle}.json").status_code == 404
            continue
        route = f"/users/{person.handle}/projects.json"
        first = artstation(server, route + "?page=1&per_page=75").json()
        dates = [item["published_at"] for item in first["data"]]
        shuffled += dates != sorted(dates) and dates != sorted(dates, reverse=True)
        profile = artstation(server, f"/users/{person.handle.upper()}.json").json()
        odd += profile["projects_count"] != first["total_count"]
        overstated += first["total_count"] > len(world.listed(person))
        past = artstation(server, route + "?page=99&per_page=75")
        assert past.status_code == 200
        assert past.json() == {"data": [], "total_count": first["total_count"]}
        empty_past_end += 1
        if empty_past_end == 30:
            break
    assert shuffled > 10
    assert odd
    assert overstated


def test_artstation_dates_carry_the_offset_of_their_season(server: demo.DemoServer) -> None:
    offsets: dict[str, set[str]] = {}
    seen: dict[str, Any] = {}
    for page in range(1, 60):
        data = artstation(server, f"/projects.json?page={page}&per_page=50&sorting=latest").json()
        for item in data["data"]:
            offsets.setdefault(item["published_at"][5:7], set()).add(item["published_at"][-6:])
            seen |= item
            assert item["created_at"] != item["published_at"]
    assert offsets["07"] == {"-05:00"}
    assert offsets["01"] == {"-06:00"}
    assert {"-05:00", "-06:00"} == offsets["03"] | offsets["11"]
    assert seen["tag_list"] is None
    assert "&amp;" in seen["title"]


@pytest.mark.parametrize(
    ("path", "status", "kind", "words"),
    [
        ("/users/nobody.json", 404, "text/plain", ""),
        ("/nowhere", 200, "text/html", "Explore"),
        ("/projects.json?page=1&per_page=51", 400, "text/plain", ""),
        ("/api/v2/search/users.json?per_page=20", 400, "application/json", "page should be given"),
        ("/api/v2/search/users.json?page=0&per_page=20", 400, "application/json", "positive"),
        ("/api/v2/search/users.json?page=1&per_page=2", 400, "application/json", ">= 3"),
        ("/api/v2/search/users.json?page=1&per_page=76", 400, "application/json", "<= 75"),
        ("/robots.txt", 200, "text/plain", "followers"),
    ],
)
def test_artstation_errors(
    server: demo.DemoServer, path: str, status: int, kind: str, words: str
) -> None:
    answer = artstation(server, path)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, kind)
    assert words in answer.text
    assert bool(answer.text) == bool(words)


# DeviantArt


def test_deviantart_wants_agent_gzip_and_token(
    server: demo.DemoServer, token: dict[str, str]
) -> None:
    host, path = "www.deviantart.com", API + "/placebo"
    assert deviantart(server, token, "/placebo").json() == {"status": "success"}
    assert ask(server, host, path).json()["error"] == "invalid_token"
    plain = token | {"Accept-Encoding": "identity"}
    assert ask(server, host, path, headers=plain).status_code == 403
    unnamed = token | {"User-Agent": ""}
    assert ask(server, host, path, headers=unnamed).status_code == 403
    form = {"grant_type": "client_credentials"}
    bad = ask(server, host, "/oauth2/token", method="POST", data=form, auth=("1", "2"))
    assert (bad.status_code, bad.json()["error"]) == (401, "invalid_client")


def test_deviantart_galleries_have_their_moods(
    server: demo.DemoServer, token: dict[str, str]
) -> None:
    world = server.worlds["deviantart"]
    moods = dict.fromkeys(("short", "empty", "early", "stub", "text", "number"), 0)
    for person in list(world.people.values()):
        if not person.listed or person.is_studio:
            continue
        offset, more = 0, True
        while more:
            answer = deviantart(
                server,
                token,
                f"/gallery/all?username={person.handle}&offset={offset}&limit=24",
            ).json()
            more, results = answer["has_more"], answer["results"]
            moods["short"] += more and 0 < len(results) < 24
            moods["empty"] += more and not results
            moods["early"] += not more and offset == 24 and len(world.listed(person)) > 60
            for item in results:
                moods["stub"] += set(item) == {"deviationid", "is_deleted"}
                moods["text"] += isinstance(item.get("published_time"), str)
                moods["number"] += isinstance(item.get("published_time"), int)
            offset += 24
    assert all(moods.values()), moods


def test_deviantart_profiles(server: demo.DemoServer, token: dict[str, str]) -> None:
    people = server.worlds["deviantart"].people.values()
    here = next(
        p
        for p in people
        if p.listed and not p.is_studio and not is_one_in(5, "unexpanded", p.number)
    )
    path = f"/user/profile/{here.handle}"
    assert "stats" not in deviantart(server, token, path).json()["user"]
    expanded = deviantart(server, token, path + "?expand=user.details,user.stats").json()["user"]
    assert expanded["stats"]["watchers"] == here.followers
    assert re.search(r"-0[78]00$", expanded["details"]["joindate"])
    words = set()
    for person in people:
        if not person.listed or person.is_studio:
            refused = deviantart(server, token, f"/user/profile/{person.handle}")
            assert refused.status_code == 400
            words.add(refused.json()["error_description"])
    assert words == {"User not found.", "Account is inactive."}


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/gallery/all?username=artist-000002&limit=25", 400, "invalid_request"),
        ("/browse/popular", 404, "version_error"),
        ("/browse/tags?tag=x&limit=51", 400, "invalid_request"),
        ("/browse/dailydeviations?date=soon", 400, "invalid_request"),
    ],
)
def test_deviantart_errors(
    server: demo.DemoServer, token: dict[str, str], path: str, status: int, error: str
) -> None:
    answer = deviantart(server, token, path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


# Danbooru


def test_danbooru_pages_by_id(server: demo.DemoServer) -> None:
    world = server.worlds["danbooru"]
    person = max(world.people.values(), key=lambda one: len(world.works[one.number]))
    ids = sorted((work.number for work in world.works[person.number]), reverse=True)
    assert len(ids) > 40

    def page(query: str) -> list[int]:
        answer = danbooru(server, f"/posts.json?tags={person.handle}&{query}").json()
        return [post["id"] for post in answer]

    assert page("limit=10") == ids[:10]
    assert page("limit=10&page=2") == ids[10:20]
    assert page(f"limit=10&page=b{ids[9]}") == ids[10:20]
    assert page(f"limit=10&page=a{ids[20]}") == ids[10:20]  # the nearest above, newest first
    assert page("limit=100000") == ids[:200]
    assert page(f"limit=10&page=b{ids[-1]}") == []


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/posts.json?tags=x&page=1001", 410, "PaginationExtension::PaginationError"),
        ("/posts.json?tags=a+b+c", 422, "PostQuery::TagLimitError"),
        ("/posts.json?cause_error=503", 503, "StandardError"),
        ("/nowhere.json", 404, "ActiveRecord::RecordNotFound"),
    ],
)
def test_danbooru_errors(server: demo.DemoServer, path: str, status: int, error: str) -> None:
    answer = danbooru(server, path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_danbooru_mistrusts_strangers(server: demo.DemoServer) -> None:
    for agent in ("Mozilla/5.0", "python-requests/2.32"):
        answer = danbooru(server, "/posts.json", headers={"User-Agent": agent})
        assert answer.status_code == 403
        assert answer.headers["Cf-Mitigated"] == "challenge"
        assert "_cf_chl_opt" in answer.text
        assert len(answer.content) > 20_000
    assert danbooru(server, "/posts.json?tags=x+status:any").status_code == 200
    moved = danbooru(server, "/tags.json?search[name]=&limit=5")
    assert moved.status_code == 302
    assert moved.headers["Location"] == "https://danbooru.donmai.us/tags.json?limit=5"
    null = danbooru(server, "/counts/posts.json?tags=nobody").json()
    assert null == {"counts": {"posts": None}}


def test_danbooru_posts_have_their_oddities(server: demo.DemoServer) -> None:
    world = server.worlds["danbooru"]
    posts: list[dict[str, Any]] = []
    for person in world.people.values():
        answer = danbooru(server, f"/posts.json?tags={person.handle}&limit=100")
        posts += answer.json() if answer.status_code == 200 else []
    assert any(len(post["tag_string_artist"].split()) == 2 for post in posts)
    assert any(post["is_deleted"] for post in posts)
    assert any(post["is_banned"] and "md5" not in post for post in posts)
    assert any("ai-generated" in post["tag_string_meta"].split() for post in posts)
    assert {post["created_at"][-6:] for post in posts} == {"-04:00", "-05:00"}


# The days, the faults, the measuring


def test_the_truth_follows_the_day(people: Population) -> None:
    with demo.serve(people, today="2022-01-31") as server:
        before = {name: world.truth()[1] for name, world in server.worlds.items()}
        server.set_today("2022-12-31")
        for name, world in server.worlds.items():
            after = world.truth()[1]
            assert before[name]["published_at"].max() <= datetime(2022, 1, 31)
            gone = set(before[name]["upload_id"]) - set(after["upload_id"])
            assert bool(gone) == (name != "danbooru")
            assert after.height > before[name].height or name != "danbooru"


def test_the_same_faults_for_the_same_seed(people: Population) -> None:
    def statuses(seed: int) -> list[int]:
        with demo.serve(people, today="2022-12-31", faults=demo.Faults(0.5, seed=seed)) as server:
            found = []
            for page in range(1, 30):
                try:
                    answer = artstation(server, f"/projects.json?page={page}&per_page=10")
                    found.append(answer.status_code)
                except requests.ConnectionError:
                    found.append(0)
            return found

    assert statuses(1) == statuses(1) != statuses(2)
    assert {200, 429, 502, 0} <= set(statuses(1))


def test_it_runs_as_a_process_and_reports() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "uploadtrends.demo", "--artists", "30"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://127.0.0.1:\d+", process.stdout.readline())
        assert address
        url = address[0]
        for _ in range(3):
            headers = AGENT | {"Host": "danbooru.donmai.us"}
            requests.get(url + "/tags.json", headers=headers, timeout=10)
        report = json.loads(requests.get(url + "/requests", timeout=10).text)
        assert report["hosts"]["danbooru.donmai.us"]["requests"] == 3
        assert report["hosts"]["danbooru.donmai.us"]["smallest_gap"] > 0
        moved = requests.get(url + "/today?2022-06-30", timeout=10).json()
        assert moved["today"] == "2022-06-30"
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
