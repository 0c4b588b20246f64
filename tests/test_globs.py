"""Path globs: `**/` is any number of folders, `*` and `?` stay inside of one."""

import pytest

from guardrail.globs import among, matches

PATHS = (
    "app.py",
    "a\nb.lock",
    "deep/er/app.py",
    "deep/poetry.lock",
    "poetry.lock",
    "poetry.lock/read.me",
    "requirements/dev/a.txt",
    "x[1].py",
)


@pytest.mark.parametrize(
    "globs",
    [
        ("**/poetry.lock",),
        ("poetry.lock", "**/app.py"),
        ("**/requirements/**",),
        ("**/*",),
        ("*.py",),
        ("?pp.py",),
        ("**/[a-x]*[!e]*.py",),
        ("**/*.lock", "nothing"),
        ("nothing",),
        (),
    ],
    ids=" ".join,
)
def test_the_paths_that_fit_one_of_several_globs_are_those_that_fit_each(globs):
    assert among(PATHS, globs) == [path for path in PATHS if any(matches(path, glob) for glob in globs)]
    assert among((), globs) == []
