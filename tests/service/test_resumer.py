"""Runs that people have answered go on in the service (spec 12 section 14)."""

from __future__ import annotations

from pathlib import Path

import trio

from edge.core.status import RunStatus
from edge.engine.answers import Person, approve
from edge.service.resumer import Resumer
from edge.store.host import this_host
from edge.store.types import StoredRecord
from tests.engine.helpers import read
from tests.engine.world import make_world

_BY = Person("ann", "os:1", 1_780_000_000_000)
_TEXT = """
handler_on: {exit: {run: echo over}}
steps:
  - {id: a, run: 'true', approval: {input: [WHO]}}
  - {id: b, run: echo $WHO, depends: a}
"""


async def test_an_answered_run_gets_a_new_attempt(tmp_path: Path) -> None:
    """spec 12 section 14: when no node waits, the run resumes; inputs reach later steps."""
    async with make_world(tmp_path) as world:
        ref = await world.start(_TEXT)
        assert (await world.wait(ref)).status is RunStatus.WAITING

        def yes(record: StoredRecord) -> tuple[str, bool]:
            return str(approve(record, "a", {"WHO": "bob"}, _BY)), True

        resumer = Resumer(world.settings, world.store, this_host(), world.host)
        await resumer.look()
        assert not world.host.active, "a waiting run is taken up"
        first = world.store.load_record(ref)
        assert first is not None
        await trio.to_thread.run_sync(world.store.answer, ref, yes)
        await resumer.look()
        assert (await world.wait(ref)).status is RunStatus.SUCCEEDED
        record = world.store.load_record(ref)
        assert record is not None
        assert record.attempt_id != first.attempt_id
        assert [node.status.word for node in record.nodes] == ["succeeded", "succeeded"]
        assert read(record.nodes[1].stdout) == "bob\n"
        assert record.handlers["onExit"].status.word == "succeeded"
        await resumer.look()
        assert not world.host.active
