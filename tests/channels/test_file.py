import datetime as dt
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from journey_engine.channels import Outgoing, Presence, Rendered, make_channels
from journey_engine.channels.file import FileChannel
from journey_engine.errors import JourneyError
from journey_engine.project import Channels, Sender

SENDER = Sender(name="Shop", email="hello@shop.example")
DATE = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)


def outgoing(number: int, text: str = "Hello", template: str = "hello") -> Outgoing:
    return Outgoing(f"{number:032x}", "ada@example.com", "Ada", Rendered("Hi", text, None), DATE, template)


def test_each_message_is_one_file_named_by_template_and_id(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "var" / "outbox", SENDER)
    channel.open()
    outcomes = dict(channel.send([outgoing(1), outgoing(2, template="../evil/..")]))
    assert [outcome.kind for outcome in outcomes.values()] == ["accepted", "accepted"]
    assert sorted(path.name for path in channel.folder.iterdir()) == [
        f".._evil_..-{2:032x}.eml",
        f"hello-{1:032x}.eml",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def test_the_same_message_again_is_the_same_file(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path, SENDER)
    channel.open()
    for _ in range(3):
        list(channel.send([outgoing(1)]))
    assert len(list(tmp_path.iterdir())) == 1


def test_the_folder_is_the_record_of_what_was_taken(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "outbox", SENDER)
    assert channel.lookup([f"{1:032x}"]) == {f"{1:032x}": Presence.ABSENT}
    channel.open()
    list(channel.send([outgoing(1)]))
    (channel.folder / f"hello-{2:032x}.part").write_bytes(b"half")
    assert channel.lookup([f"{number:032x}" for number in (1, 2)]) == {
        f"{1:032x}": Presence.ACCEPTED,
        f"{2:032x}": Presence.ABSENT,
    }


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file", encoding="utf-8")
    with pytest.raises(JourneyError, match=r"outbox.*cannot be made"):
        FileChannel(tmp_path / "outbox", SENDER).open()


def test_a_file_that_cannot_be_written_whole_leaves_nothing_and_the_rest_untried(tmp_path: Path) -> None:
    """A real limit of the kernel on the size of a file, in a process of its own."""
    script = """
import resource, signal, sys
from pathlib import Path
from journey_engine.channels.file import FileChannel
from tests.channels.test_file import SENDER, outgoing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
channel = FileChannel(Path(sys.argv[1]), SENDER)
channel.open()
messages = [outgoing(1), outgoing(2, "x" * 50_000), outgoing(3)]
for number, (_, outcome) in enumerate(channel.send(messages), 1):
    print(number, outcome.kind, outcome.reason, outcome.down)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "1 accepted None False",
        "2 later folder_unwritable True",
        "3 later folder_unwritable True",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [f"hello-{1:032x}.eml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_named_and_the_message_can_go_later(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        channel = FileChannel(disk, SENDER)
        channel.open()
        ((_, outcome),) = channel.send([outgoing(1, "x" * 200_000)])
        assert (outcome.kind, outcome.detail) == ("later", f"{disk}: No space left on device")
        assert list(disk.iterdir()) == []
        ((_, outcome),) = channel.send([outgoing(1)])
        assert outcome.kind == "accepted"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_channels_are_made_by_name(tmp_path: Path) -> None:
    made = make_channels(["file"], Channels(), SENDER, tmp_path)
    channel = made["file"]
    assert isinstance(channel, FileChannel)
    assert channel.folder == tmp_path / "var/outbox"
    with pytest.raises(JourneyError, match="no channel 'fiel' \\(did you mean 'file'\\?\\)"):
        make_channels(["fiel"], Channels(), SENDER, tmp_path)
    with pytest.raises(JourneyError, match="does not set it up"):
        make_channels(["smtp"], Channels(), SENDER, tmp_path)


def test_the_limit_on_file_size_is_not_set_in_this_process() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
