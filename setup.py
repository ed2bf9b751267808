"""Lay the lessons of tutorials/ into the wheel; everything else about the package stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithLessons(build_py):
    """Copy the notebooks to equitour/tutorials in the wheel. An editable install reads them where they stand."""

    def run(self):
        """Build as usual, then add the lessons."""
        if not self.editable_mode:
            # A file that is gone from the checkout must not come back from an older build.
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            for lesson, target in self._lessons().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(lesson, target, preserve_mode=False)

    def get_outputs(self, include_bytecode=True):
        """Everything that this step writes."""
        return [*super().get_outputs(include_bytecode), *self._lessons().values()]

    def get_output_mapping(self):
        """Where each written file came from."""
        return super().get_output_mapping() | {target: lesson for lesson, target in self._lessons().items()}

    def get_source_files(self):
        """Everything that a source distribution needs for this step."""
        return [*super().get_source_files(), *self._lessons()]

    def _lessons(self):
        lessons = sorted(path for path in Path("tutorials").glob("*.ipynb") if path.name[0] not in "._")
        return {path.as_posix(): f"{self.build_lib}/equitour/tutorials/{path.name}" for path in lessons}


setup(cmdclass={"build_py": BuildWithLessons})
