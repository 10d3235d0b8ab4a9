from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.shell_text import Place, ShellText

B, D, S, V, X, U = (
    Place.BARE,
    Place.DOUBLE,
    Place.SINGLE,
    Place.VERBATIM,
    Place.EXPANDED,
    Place.UNKNOWN,
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        # spec 11 section 7.4: where the shell reads an inserted string again; @ marks the place
        ("echo @", B),
        ('echo "@"', D),
        ("echo '@'", S),
        ('echo "it\'s" "@"', D),
        ("echo 'a'\"b\"'@'", S),
        ('echo "a"@"b"', B),
        ('echo ""@""', B),
        ('echo \\"@', B),
        ("echo \\'@", B),
        ('echo "a\\"@"', D),
        ('echo "$(echo @)"', B),
        ('echo "$(echo "@")"', D),
        ('echo "$(echo)@"', D),
        ('echo "${x:-y}@"', D),
        ('echo "${x:-$y}@"', D),
        ("echo ${x#*/} '@'", S),
        ("echo ${#x} '@'", S),
        ("echo $# '@'", S),
        ('echo `date` "@"', D),
        ('echo "`date` @"', D),
        ("# it's a comment\necho '@'", S),
        ("echo a#b'@'", S),
        ("(cd x; echo '@')", S),
        ("case $x in a) echo '@';; esac", S),
        ("cat <<'E'\n@\nE\n", V),
        ('cat <<"E"\n@\nE\n', V),
        ("cat <<\\E\n@\nE\n", V),
        ("cat <<E\n@\nE\n", X),
        ("cat <<E\n'@'\nE\n", X),
        ("cat <<E\n'\nE\necho '@'", S),
        ("cat <<-'E'\n\tx\n\tE\necho @", B),
        ("cat <<'E'\n\tE\n@", V),
        ("cat <<'A' <<B\n@\nA\nB\n", V),
        ("cat <<'A' <<B\nA\n@\nB\n", X),
        ("cat <<<x '@'", S),
        # not sure: nothing goes in
        ("echo $'a\\'@'", U),
        ("echo $'@'", U),
        ("echo '@", U),
        ("echo \"${x:-'a'}\" @", U),
        ('echo `echo "a"` @', U),
        ("x=$(case a in a) echo '@';; esac)", U),
        ("cat <<E-F\n@\nE-F\n", U),
        ("(cat <<E\n@\nE\n)", U),
    ],
)
def test_places(text: str, place: Place) -> None:
    position = text.index("@")
    assert ShellText(text).at(position) is place


@given(st.text(alphabet="'\"\\`$(){}#\n <E-casex", max_size=60))
def test_every_text_is_read(text: str) -> None:
    """spec 11 section 7.4: no text may stop the reader."""
    places = ShellText(text)
    assert all(isinstance(places.at(at), Place) for at in range(len(text)))
