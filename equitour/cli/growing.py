"""A file of structures that grows batch by batch, so that an interrupted run loses nothing and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli.trouble import Trouble

if TYPE_CHECKING:
    from ase import Atoms


class Growing:
    """A file that grows batch by batch under another name, with a note of how far it is whole."""

    def __init__(self, out: Path, plan: dict, *, resume: bool) -> None:
        self.out, self.plan, self.count = out, plan, 0
        self.part, self.note = (out.with_name(out.name + end) for end in (".part", ".part.json"))
        if resume and self.note.is_file() and self.part.is_file():
            self._go_on(json.loads(self.note.read_text()))
        elif resume and out.is_file():
            # The run that is asked to go on had come to its end.
            self.count = plan["crystals"]
        else:
            self.note.unlink(missing_ok=True)
            self.part.write_text("")

    def _go_on(self, note: dict) -> None:
        if note["plan"] != self.plan:
            changed = [name for name in self.plan if note["plan"].get(name) != self.plan[name]]
            raise Trouble(
                f"--resume must ask for the same, received another {', '.join(changed)}: begin anew with --overwrite."
            )
        self.count = note["count"]
        # What a batch that was cut off has left behind is cut away.
        with self.part.open("r+b") as file:
            file.truncate(note["bytes"])

    def add(self, structures: list[Atoms]) -> None:
        """Write a batch, then say that it is whole."""
        from ase.io import write

        with self.part.open("a") as file:
            write(file, structures, format="extxyz")
        self.count += len(structures)
        note = {"plan": self.plan, "count": self.count, "bytes": self.part.stat().st_size}
        new = self.note.with_name(self.note.name + ".new")
        new.write_text(json.dumps(note))
        new.replace(self.note)

    def finish(self) -> None:
        """The file takes its name, unless it has it."""
        if self.part.is_file():
            self.part.replace(self.out)
        self.note.unlink(missing_ok=True)
