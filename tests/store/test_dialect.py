from __future__ import annotations

from pathlib import Path

import pytest

from edge.core.errors import StoreError
from edge.store import dialect

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /proc rw - proc proc rw
40 22 0:41 / /mnt/share rw,relatime - nfs4 server:/x rw,vers=4.2
41 40 8:2 / /mnt/share/local rw - ext4 /dev/sda2 rw
42 22 0:50 / /mnt/with\\040blank rw master:2 propagate_from:1 - cifs //host/share rw
43 22 0:51 / /mnt/ssh rw - fuse.sshfs me@host: rw
44 22 0:52 / /mnt/fuse rw - fuse.gocryptfs /x rw
45 22 0:53 / /mnt/over rw - ext4 /dev/sdb rw
46 45 0:54 / /mnt/over rw - 9p host rw
"""


@pytest.mark.parametrize(
    "path, kind",
    [
        ("/home/x", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/a/b", "nfs4"),
        ("/mnt/shared", "ext4"),
        ("/mnt/share/local/a", "ext4"),
        ("/mnt/with blank/a", "cifs"),
        ("/mnt/over/x", "9p"),
    ],
)
def test_the_longest_mount_point_counts(path: str, kind: str) -> None:
    assert dialect.filesystem_type(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("folder", ["/mnt/share", "/mnt/with blank", "/mnt/ssh", "/mnt/over"])
def test_a_network_file_system_is_refused(folder: str) -> None:
    with pytest.raises(StoreError, match=f"{folder}/edge.db: .*network.*; set data_dir to"):
        dialect.refuse_network_filesystem(Path(folder, "edge.db"), MOUNTS)


@pytest.mark.parametrize("folder", ["/home", "/mnt/share/local", "/mnt/fuse"])
def test_a_local_file_system_is_taken(folder: str) -> None:
    dialect.refuse_network_filesystem(Path(folder, "edge.db"), MOUNTS)
