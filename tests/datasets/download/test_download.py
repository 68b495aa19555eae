"""Fetching from a server that breaks off, lies or is gone; unpacking archives that are honest, hostile or damaged."""

import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cxr.__main__ import main
from cxr.config.errors import UserError
from cxr.datasets.download import fetch
from cxr.datasets.download.fetch import fetch_archive
from cxr.datasets.download.sources import Archive, choose_archives, read_archives
from cxr.datasets.download.unpack import unpack_archive


def tar_of(members):
    """The bytes of a .tar.gz with these (name, content) files; content may be a TarInfo's type."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes) and content in (tarfile.SYMTYPE, tarfile.DIRTYPE):
                info.type, info.linkname = content, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


IMAGES = [(f"images/{number:08d}_000.png", bytes([number]) * 5000) for number in range(1, 6)]


class Server(ThreadingHTTPServer):
    """Serves `content`; `cut` bytes a time, `status` instead, without ranges when `ranges` is False."""

    content, cut, status, ranges = b"", None, None, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/images.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status:
            self.send_error(server.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if start and start >= len(server.content):
            self.send_error(416)
            return
        rest = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: server.cut] if server.cut else rest)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "WAIT_S", 0)
    monkeypatch.setattr(fetch, "BLOCK_BYTES", 512)
    server = Server()
    server.content = tar_of(IMAGES)
    yield server
    server.shutdown()
    server.server_close()


def archive_of(server, content=None):
    return Archive("images_001", server.url, hashlib.md5(content or server.content).hexdigest())


def test_a_file_is_fetched_whole_and_checked(server, tmp_path):
    told = []
    fetch_archive(archive_of(server), tmp_path / "a.tar.gz", lambda *done: told.append(done))
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content
    assert told[-1][0] in (told[-1][1], told[-1][1] - 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_connection_that_breaks_goes_on_where_it_stopped(server, tmp_path):
    server.cut = 40
    fetch_archive(archive_of(server), tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content
    assert server.asked[:3] == [None, "bytes=40-", "bytes=80-"]


def test_what_an_earlier_run_left_is_gone_on_with(server, tmp_path):
    (tmp_path / ".part-a.tar.gz").write_bytes(server.content[:70])
    fetch_archive(archive_of(server), tmp_path / "a.tar.gz")
    assert server.asked == ["bytes=70-"]
    (tmp_path / ".part-b.tar.gz").write_bytes(server.content)
    fetch_archive(archive_of(server), tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").read_bytes() == server.content


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    (tmp_path / ".part-a.tar.gz").write_bytes(server.content[:70])
    fetch_archive(archive_of(server), tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content


def test_a_spoilt_beginning_is_fetched_again_and_another_file_stops(server, tmp_path):
    (tmp_path / ".part-a.tar.gz").write_bytes(b"x" * 70)
    fetch_archive(archive_of(server), tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content
    with pytest.raises(
        UserError, match=r"has MD5 [0-9a-f]{32} twice, not [0-9a-f]{32}; it is another file than it was"
    ):
        fetch_archive(archive_of(server, b"other"), tmp_path / "b.tar.gz")
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.mark.parametrize(("status", "times"), [(404, 1), (403, 1), (503, 5), (429, 5)])
def test_a_server_that_refuses_is_one_sentence(server, tmp_path, status, times):
    server.status = status
    with pytest.raises(UserError, match=rf"images\.gz: cannot be fetched \((HTTP {status}|HTTP Error {status}|[A-Z])"):
        fetch_archive(archive_of(server), tmp_path / "a.tar.gz")
    assert len(server.asked) == times


def test_no_server_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "WAIT_S", 0)
    with pytest.raises(UserError, match=r"cannot be fetched .*; the same command goes on where it stopped"):
        fetch_archive(Archive("a", "http://127.0.0.1:9/a.gz", "0" * 32), tmp_path / "a.tar.gz")


def test_images_are_unpacked_into_one_folder(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(tar_of([*IMAGES, ("images/readme.txt", b"x"), ("images", tarfile.DIRTYPE)]))
    assert unpack_archive(tmp_path / "a.tar.gz", tmp_path / "images_001") == 5
    found = {path.name: path.read_bytes() for path in (tmp_path / "images_001" / "images").iterdir()}
    assert found == {name.rpartition("/")[2]: content for name, content in IMAGES}


@pytest.mark.parametrize("name", ["../../evil.png", "/tmp/evil.png", "images/../../../evil.png"])
def test_no_member_reaches_beyond_the_folder(tmp_path, name):
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    (inner / "a.tar.gz").write_bytes(tar_of([(name, b"x"), ("link.png", tarfile.SYMTYPE)]))
    assert unpack_archive(inner / "a.tar.gz", inner / "images_001") == 1
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["evil.png"]
    assert (inner / "images_001/images/evil.png").is_file()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar_of(IMAGES)[:-40], "is damaged"),
        (b"no archive", "is damaged"),
        (tar_of([("a.txt", b"x")]), "holds no image"),
        (tar_of([("a/x.png", b"x"), ("b/x.png", b"y")]), r"holds x\.png twice"),
    ],
    ids=["cut", "no archive", "no image", "twice"],  # the bytes tell when they were packed
)
def test_a_bad_archive_leaves_no_folder(tmp_path, content, message):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=message):
        unpack_archive(tmp_path / "a.tar.gz", tmp_path / "images_001")
    assert not (tmp_path / "images_001").exists()


def test_nihs_own_list_is_complete():
    source = read_archives()
    assert len(source.archives) == 12
    assert [archive.name for archive in source.archives] == [f"images_{k:03d}" for k in range(1, 13)]
    assert all(archive.url.startswith("https://nihcc.box.com/shared/static/") for archive in source.archives)
    assert all(len(archive.md5) == 32 for archive in source.archives)
    assert len({archive.url for archive in source.archives} | {a.md5 for a in source.archives}) == 24


def test_archives_are_chosen_by_number():
    archives = read_archives().archives
    assert [a.name for a in choose_archives(archives, "1,3-5,4")] == [f"images_{k:03d}" for k in (1, 3, 4, 5)]
    assert choose_archives(archives, None) == archives
    for text in ("0", "13", "a", "5-3", "", "1-"):
        with pytest.raises(UserError, match="names none; allowed are numbers from 1 to 12, as in 1,3-5"):
            choose_archives(archives, text)


GOOD = {"name": "a", "url": "https://b.org/c.tar.gz", "md5": "0" * 32}


def test_md5_sums_may_be_written_in_capitals(tmp_path):
    (tmp_path / "list.json").write_text(json.dumps({"archives": [GOOD | {"md5": "AB" * 16}]}))
    assert read_archives(tmp_path / "list.json").archives[0].md5 == "ab" * 16


@pytest.mark.parametrize(
    "content",
    [
        *("{", "[]", '{"archives": [{"name": "a"}]}', '{"archives": 3}'),
        *(
            json.dumps({"archives": [GOOD | change]})
            for change in (
                {"name": "../escaped"},
                {"name": "a/b"},
                {"name": ""},
                {"url": "foo"},
                {"url": "https://bü.org"},
                {"url": "http://[::1"},
                {"url": 3},
                {"md5": "0" * 31},
                {"md5": None},
            )
        ),
        *(json.dumps({"archives": [GOOD], "by_hand": by_hand}) for by_hand in (3, [3])),
        json.dumps({"archives": [GOOD], "page": 3}),
    ],
)
def test_a_broken_list_is_one_sentence(tmp_path, content):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(UserError, match=r"list\.json: is no list of archives .*each with .name., .url. and .md5."):
        read_archives(tmp_path / "list.json")


def test_the_command_fetches_checks_unpacks_and_says_what_is_left(server, tmp_path, capsys):
    sources = {"archives": [{"name": "images_001", "url": server.url, "md5": archive_of(server).md5}],
               "by_hand": ["test_list.txt"], "page": "https://somewhere"}  # fmt: skip
    (tmp_path / "list.json").write_text(json.dumps(sources))
    command = ["download", str(tmp_path / "nih"), "--sources", str(tmp_path / "list.json")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "5 images unpacked" in said
    assert f"still to be fetched by hand from https://somewhere into {tmp_path / 'nih'}: test_list.txt" in said
    assert not list((tmp_path / "nih" / "archives").iterdir())
    assert main(command) == 0
    assert "1 archives were there already" in capsys.readouterr().out
    assert len(server.asked) == 1
