"""The page's files over HTTP: types, hashes, how long they are kept, what is not there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from web_house import FILES, Serving

from edge.web.assets import Assets, PageMissing, version


def hashed(name: str) -> str:
    content = FILES[name]
    return version(content if isinstance(content, bytes) else content.encode())


def import_map(html: str) -> str:
    (found,) = re.findall(r'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(("path", "content_type"), [
    ("/", "text/html; charset=utf-8"),
    ("/index.html", "text/html; charset=utf-8"),
    ("/app/main.js", "text/javascript; charset=utf-8"),
    ("/views/late.js", "text/javascript; charset=utf-8"),
    ("/sw.js", "text/javascript; charset=utf-8"),
    ("/lang/vi.json", "application/json"),
    ("/style/base.css", "text/css; charset=utf-8"),
    ("/icons/village.svg", "image/svg+xml"),
    ("/icons/village.png", "image/png"),
    ("/manifest.webmanifest", "application/manifest+json"),
    ("/favicon.ico", "image/vnd.microsoft.icon"),
    ("/vendor/LICENSES.md", "text/markdown; charset=utf-8"),
])
def test_each_file_has_its_type_and_is_not_guessed_at(served: Serving, path: str, content_type: str) -> None:
    answer = served.ask(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == content_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["server"] == "village-edge"
    if path not in {"/", "/index.html"}:
        content = FILES[path[1:]]
        assert answer.body == (content if isinstance(content, bytes) else content.encode())


def test_the_import_map_gives_every_module_catalogue_style_and_drawing_its_hash(served: Serving) -> None:
    imports = json.loads(import_map(served.ask("/").body.decode()))["imports"]
    files = [name for name in FILES if name.endswith((".js", ".json", ".css", ".svg"))]
    wanted = {f"/{name}": f"/{name}?v={hashed(name)}" for name in files}
    assert imports == wanted | {"mqtt": wanted["/vendor/mqtt.esm.js"], "lit-html": wanted["/vendor/lit-html.js"]}
    assert all(re.fullmatch(r"/\S+\?v=[0-9a-f]{12}", address) for address in imports.values())
    assert hashed("sw.js") == hashlib.sha256(b"self.skipWaiting();\n").hexdigest()[:12]


def test_links_of_the_page_get_hashes_where_there_is_such_a_file(served: Serving) -> None:
    html = served.ask("/").body.decode()
    assert f'<link rel="icon" href="/icons/village.svg?v={hashed("icons/village.svg")}">' in html
    assert f'href="/style/base.css?v={hashed("style/base.css")}"' in html
    assert f'<script type="module" src="/app/main.js?v={hashed("app/main.js")}"></script>' in html
    assert '<link rel="help" href="/nowhere.css">' in html
    assert '<a href="https://example.vn/app/main.js">' in html


def test_all_that_main_imports_statically_is_preloaded_and_nothing_else(served: Serving) -> None:
    html = served.ask("/").body.decode()
    names = ["vendor/lit-html.js", "app/store.js", "app/side.js", "app/deep.js", "vendor/mqtt.esm.js"]
    assert re.findall(r'<link rel="modulepreload" href="([^"]+)">', html) == [f"/{n}?v={hashed(n)}" for n in names]
    words = f'<link rel="preload" as="fetch" crossorigin href="/lang/vi.json?v={hashed("lang/vi.json")}">'
    assert html.index("importmap") < html.index("modulepreload") < html.index(words) < html.index('src="/app/main.js')


def test_the_policy_allows_the_import_map_by_its_hash_and_no_other_script_in_the_page(served: Serving) -> None:
    answer = served.ask("/")
    digest = base64.b64encode(hashlib.sha256(import_map(answer.body.decode()).encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    assert "camera=()" in answer.headers["permissions-policy"]


def test_the_opener_policy_is_for_https(serve: Callable[..., Serving]) -> None:
    name = "cross-origin-opener-policy"
    assert name not in serve().ask("/").headers
    assert serve(origins=("https://thon.example.vn",)).ask("/").headers[name] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/icons/village.svg", "/sw.js", "/nothing", "/vendor/LICENSES.md"])
def test_whatever_can_be_a_document_or_a_worker_is_under_the_policy(served: Serving, path: str) -> None:
    assert served.ask(path).headers["content-security-policy"].startswith("default-src 'none'; ")


def test_a_module_does_not_carry_the_policy_along(served: Serving) -> None:
    headers = served.ask("/app/main.js").headers
    assert "content-security-policy" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_nothing_in_a_files_name_can_end_the_inline_script(page: Path) -> None:
    (page / "app" / "<!-- </script><x.js").parent.mkdir(parents=True, exist_ok=True)
    (page / "app" / "<!-- </script><x.js").write_text("1")
    found = Assets(page).find("/")
    assert found is not None
    assert found.body.count(b"</script>") == FILES["index.html"].count("</script>") + 1  # type: ignore[arg-type]


def test_with_the_right_hash_it_is_kept_for_a_year(served: Serving) -> None:
    answer = served.ask(f"/app/main.js?v={hashed('app/main.js')}")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000", "?w=1", "?v=000000000000&v={}"])
def test_without_it_the_present_file_comes_and_is_asked_for_again(served: Serving, query: str) -> None:
    answer = served.ask("/app/main.js" + query.format(hashed("app/main.js")))
    assert answer.status == 200
    assert answer.body == str(FILES["app/main.js"]).encode()
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["etag"]


def test_the_page_itself_is_kept_for_a_day_and_has_an_etag(served: Serving) -> None:
    answer = served.ask("/")
    assert answer.headers["cache-control"] == "max-age=86400"
    assert re.fullmatch(r'"[0-9a-f]{12}"', answer.headers["etag"])
    assert served.ask("/?v=1").headers["cache-control"] == "max-age=86400"
    assert served.ask("/index.html").body == answer.body


@pytest.mark.parametrize("path", ["/", "/app/side.js"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_who_has_the_file_is_told_so(served: Serving, path: str, encoding: str) -> None:
    tag = served.ask(path, Accept_Encoding=encoding).headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = served.ask(path, Accept_Encoding=encoding, If_None_Match=asked)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == tag
        assert "cache-control" in answer.headers
    assert served.ask(path, If_None_Match='"000000000000"').status == 200


def test_the_page_says_which_it_is_and_now_says_which_there_is(served: Serving, page: Path) -> None:
    (mine,) = re.findall(r'<html data-page="([0-9a-f]{12})" lang="vi">', served.ask("/").body.decode())
    answer = served.ask("/now")
    assert json.loads(answer.body) == {"now": "2026-11-26T02:10:00.123Z", "page": mine}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["icons/village.png", "index.html", "app/deep.js", "new.css"])
def test_any_change_of_any_file_makes_another_page_with_another_etag(page: Path, name: str) -> None:
    before = Assets(page)
    with (page / name).open("ab") as file:
        file.write(b"\n")
    after = Assets(page)
    assert after.page != before.page
    tags = [found.version for assets in (before, after) if (found := assets.find("/"))]
    assert tags[0] != tags[1]


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0"])
def test_it_is_packed_for_who_takes_that(served: Serving, accepted: str) -> None:
    answer = served.ask("/style/base.css", Accept_Encoding=accepted)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < len(str(FILES["style/base.css"])) / 5
    assert gzip.decompress(answer.body).decode() == FILES["style/base.css"]
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["etag"] != served.ask("/style/base.css").headers["etag"]


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity, gzip; q=0.0", "xgzip"])
def test_it_is_plain_for_who_does_not(served: Serving, accepted: str) -> None:
    answer = served.ask("/style/base.css", Accept_Encoding=accepted)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.body.decode() == FILES["style/base.css"]


def test_what_packing_does_not_make_smaller_stays_plain(served: Serving) -> None:
    assert "content-encoding" not in served.ask("/favicon.ico", Accept_Encoding="gzip").headers


@pytest.mark.parametrize("path", [
    "/../secret.js", "/app/../../secret.js", "/%2e%2e/secret.js", "/app/%2e%2e/%2e%2e/secret.js", "/..%2fsecret.js",
    "/app/..%5c..%5csecret.js", "//secret.js", "/app//main.js", "/./app/main.js%00.css", "/etc/passwd", "/app/", "/app",
    "/__pycache__/x.pyc", "/notes.orig", "/linked.js", "/APP/MAIN.JS", "/nothing", "/app/main.js/", "/%ff",
])
def test_nothing_else_is_there(page: Path, path: str, served: Serving) -> None:
    answer = served.ask(path)
    assert answer.status == 404
    assert answer.body == b"there is nothing at this address; the page is at /\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def test_what_a_link_points_to_outside_is_not_served(page: Path) -> None:
    secret = page.parent / "secret.js"
    secret.write_text("secret")
    (page / "linked.js").symlink_to(secret)
    assets = Assets(page)
    assert assets.find("/linked.js") is None
    assert assets.find("/app/main.js") is not None


@pytest.mark.parametrize("path", ["/", "/app/side.js", "/now", "/metrics", "/nothing"])
def test_head_tells_the_same_without_the_body(served: Serving, path: str) -> None:
    whole, head = served.ask(path), served.ask(path, "HEAD")
    assert (head.status, head.body) == (whole.status, b"")
    changing = {"date"} | ({"content-length"} if path == "/metrics" else set())
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_is_taken(served: Serving, method: str) -> None:
    for path in ("/", "/mqtt", "/metrics"):
        answer = served.ask(path, method, Content_Length="0")
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"


def test_a_folder_without_a_page_is_told(tmp_path: Path) -> None:
    with pytest.raises(PageMissing, match=r"there is no page in .*install village-edge again"):
        Assets(tmp_path)
